// Somebody on IRC, with the npm library irc-framework.

import IRC from "irc-framework";

import { until } from "./waiting.mjs";

const KEPT = ["message", "tagmsg", "join", "part", "kick", "nick", "topic", "userlist"];

export class IrcPerson {
    static async connect(port, nick) {
        const person = new IrcPerson();
        Object.assign(person, { nick, events: [], client: new IRC.Client() });
        for (const kind of KEPT) person.client.on(kind, (event) => person.events.push({ kind, ...event }));
        let isWelcome = false;
        person.client.on("registered", () => (isWelcome = true));
        person.client.connect({
            host: "127.0.0.1", port, nick, username: nick, gecos: nick, auto_reconnect: false,
            message_max_length: 400,
        });
        await until(`${nick} to be on IRC`, () => isWelcome);
        return person;
    }

    async join(channel) {
        this.client.join(channel);
        await this.sees("the names", (event) => event.kind === "userlist" && event.channel === channel);
    }

    say(target, text) {
        this.client.say(target, text);
    }

    async sees(what, isMeant) {
        return until(`${this.nick} to see ${what}`, () => {
            const found = this.events.find(isMeant);
            if (!found) throw new Error(`at last ${JSON.stringify(this.events.slice(-10))}`);
            return found;
        });
    }

    // Texts of one type (`privmsg`, `notice`, `action`) that this nick sent to this target, in order.
    heard(type, nick, target) {
        const said = this.events.filter((event) =>
            event.kind === "message" && event.type === type && event.nick === nick && event.target === target);
        return said.map((event) => event.message);
    }

    // Waits until exactly these were heard, each once, and nothing else.
    async hears(type, nick, target, texts) {
        await until(`${this.nick} to hear ${texts.at(-1)} last of ${texts.length}`, () => {
            const heard = this.heard(type, nick, target);
            if (JSON.stringify(heard) !== JSON.stringify(texts)) {
                throw new Error(`heard ${heard.length}, at last ${JSON.stringify(heard.slice(-10))}`);
            }
            return true;
        });
    }

    // The account that the network knows somebody by.
    accountOf(nick) {
        return new Promise((resolve) => this.client.whois(nick, (event) => resolve(event.account)));
    }
}
