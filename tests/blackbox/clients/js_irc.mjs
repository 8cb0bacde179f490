// A stock matrix-js-sdk client holds a conversation with people on IRC through the WASM bridge: it logs in to IRC with the
// password of an account (SASL, over TLS) in the bot's room, and does all that clients do in a portal.
// Argument: {"url", "user", "password", "bot", "irc_port", "account", "account_password"}. Exits with 1 and the reason
// when anything differs.

import assert from "node:assert/strict";

import { IrcPerson } from "./irc_person.mjs";
import { MatrixPerson } from "./matrix_person.mjs";
import { until } from "./waiting.mjs";

const CHANNEL = "#harbor";
const LINES = Array.from({ length: 1000 }, (_, number) => `line ${number}`);

const options = JSON.parse(process.argv[2]);
const nick = options.account;
const wilma = await IrcPerson.connect(options.irc_port, "wilma");
const fred = await IrcPerson.connect(options.irc_port, "fred");
await wilma.join(CHANNEL);
const alice = await MatrixPerson.logIn(options.url, options.user, options.password);
const ghost = (name) => `@irc_${name}:${alice.server}`;

// Says something to the bot and waits for what it answers, behind all that it said before.
async function ask(desk, text, answer) {
    const before = alice.events(desk).length;
    await alice.say(desk, text);
    return until(`${answer} after ${text}`, () => {
        const heard = alice.events(desk).slice(before).filter((event) => event.getSender() === options.bot);
        const bodies = heard.map((event) => event.getContent().body ?? "");
        const found = bodies.find((body) => body.includes(answer));
        if (!found) throw new Error(`the bot said ${JSON.stringify(bodies)}`);
        return found;
    });
}

async function join(desk, chat) {
    const room = (await ask(desk, `join ${chat}`, `${chat} is `)).split(" is ")[1];
    await until("to be in it", () => alice.isIn(room));
    return room;
}

async function enter() {
    const { room_id: desk } = await alice.client.createRoom({
        preset: "trusted_private_chat", invite: [options.bot], is_direct: true,
    });
    await alice.sees("the welcome", desk, (event) => event.getContent().body?.includes("`login` begins"));
    await ask(desk, "login", "Nick?");
    await ask(desk, nick, "User name?");
    await ask(desk, "-", "Real name?");
    await ask(desk, "-", "Password?");
    await ask(desk, options.account_password, "Channels?");
    const kept = (await alice.history(desk)).filter((event) => event.content.body === options.account_password);
    assert.deepEqual(kept, [], "the password stays in the room");
    await ask(desk, "-", `Logged in as ${nick}`);
    await until("to be connected", async () => (await ask(desk, "ping", nick)).includes("Connected"));
    assert.equal(await wilma.accountOf(nick), nick, "not logged in to the account");
    return desk;
}

async function words(room) {
    const said = [];
    const hears = async (text) => wilma.hears("privmsg", nick, CHANNEL, (said.push(text), said));
    const first = await alice.say(room, "ahoy");
    await hears("ahoy");
    wilma.say(CHANNEL, "hello alice");
    assert.equal((await alice.hears(room, ghost("wilma"), "hello alice")).msgtype, "m.text");

    await alice.client.sendEmoteMessage(room, "waves");
    await wilma.hears("action", nick, CHANNEL, ["waves"]);
    wilma.client.action(CHANNEL, "bows");
    assert.equal((await alice.hears(room, ghost("wilma"), "bows")).msgtype, "m.emote");

    await alice.client.sendHtmlMessage(room, "**very** old", "<strong>very</strong> old");
    await hears("\x02very \x02old");
    wilma.say(CHANNEL, "so \x02bold\x02, so \x1dslanted\x1d");
    const html = (await alice.hears(room, ghost("wilma"), "so bold, so slanted")).formatted_body;
    assert(html.includes("<b>bold</b>") && html.includes("<i>slanted</i>"), html);

    await alice.send(room, {
        msgtype: "m.text", body: "* ahoy, wilma", "m.new_content": { msgtype: "m.text", body: "ahoy, wilma" },
        "m.relates_to": { rel_type: "m.replace", event_id: first },
    });
    await hears("* ahoy, wilma");
    await alice.send(room, { "m.relates_to": { rel_type: "m.annotation", event_id: first, key: "⚓" } }, "m.reaction");
    await wilma.sees("the reaction", (event) => event.kind === "tagmsg" && event.tags["+draft/react"] === "⚓");

    await alice.attach(room, "cargo list.txt", "text/plain", "rope, tar");
    const link = () => wilma.heard("privmsg", nick, CHANNEL).find((text) => text.startsWith("cargo list.txt <"));
    const file = await fetch((await until("the file", link)).split("<")[1].replace(">", ""));
    assert.equal(await file.text(), "rope, tar");
}

async function comingAndGoing(room) {
    wilma.client.changeNick("wilhelmina");
    await alice.becomes(room, ghost("wilma"), "leave");
    assert.equal((await alice.becomes(room, ghost("wilhelmina"), "join")).displayname, "wilhelmina");
    wilma.say(CHANNEL, "it is me");
    await alice.hears(room, ghost("wilhelmina"), "it is me");
    wilma.client.changeNick("wilma");
    await alice.becomes(room, ghost("wilma"), "join");

    await fred.join(CHANNEL);
    await alice.becomes(room, ghost("fred"), "join");
    fred.client.part(CHANNEL, "supper");
    await alice.becomes(room, ghost("fred"), "leave", { reason: "supper" });
    fred.client.join(CHANNEL);
    await alice.becomes(room, ghost("fred"), "join");
    // Wilma made the channel, so she may.
    wilma.client.raw("KICK", CHANNEL, "fred", "too loud");
    await alice.becomes(room, ghost("fred"), "leave", { reason: "too loud", by: ghost("wilma") });
    fred.client.join(CHANNEL);
    await alice.becomes(room, ghost("fred"), "join");
    wilma.client.mode(CHANNEL, "+o", nick);
    await alice.sees("to be an operator", room, (event) => event.getContent().users?.[alice.userId] >= 50);
    await alice.client.kick(room, ghost("fred"), "once more");
    await wilma.sees("alice's kick", (event) =>
        event.kind === "kick" && event.kicked === "fred" && event.nick === nick && event.message === "once more");
}

async function topics(room) {
    wilma.client.setTopic(CHANNEL, "ships and tides");
    await alice.sees("her topic", room, (event) => event.getContent().topic === "ships and tides");
    // A linked server takes one change of a topic in a second.
    const second = () => Math.floor(Date.now() / 1000);
    const now = second();
    await until("the next second", () => second() > now);
    await alice.client.setRoomTopic(room, "tides only");
    await wilma.sees("alice's topic", (event) =>
        event.kind === "topic" && event.nick === nick && event.topic === "tides only");
}

async function priv(desk) {
    wilma.say(nick, "between us");
    const room = await until("the private room", () => {
        const isHers = (event) => event.getSender() === ghost("wilma") && event.getContent().body === "between us";
        return [...alice.rooms.keys()].find((room) => alice.events(room).some(isHers));
    });
    await alice.say(room, "certainly");
    await wilma.hears("privmsg", nick, "wilma", ["certainly"]);
    const other = await join(desk, "fred");
    await alice.say(other, "and you?");
    await fred.hears("privmsg", nick, "fred", ["and you?"]);
    fred.say(nick, "me too");
    await alice.hears(other, ghost("fred"), "me too");
}

// In order, none lost, none doubled.
async function burst(room) {
    for (const line of LINES) wilma.say(CHANNEL, line);
    const lines = await until("the burst from IRC", async () => {
        const said = (await alice.history(room)).filter((event) => event.sender === ghost("wilma"));
        const lines = said.map((event) => event.content.body).filter((body) => body?.startsWith("line "));
        if (lines.at(-1) !== LINES.at(-1)) throw new Error(`${lines.length} lines, the last is ${lines.at(-1)}`);
        return lines;
    });
    assert.deepEqual(lines, LINES);
    const before = wilma.heard("privmsg", nick, CHANNEL);
    for (const line of LINES) await alice.say(room, line);
    await wilma.hears("privmsg", nick, CHANNEL, [...before, ...LINES]);
}

async function kickedAndLeaving(desk, room) {
    wilma.client.raw("KICK", CHANNEL, nick, "that was a lot");
    await alice.becomes(room, alice.userId, "leave", { reason: "that was a lot", by: options.bot });
    assert.equal(await join(desk, CHANNEL), room);
    const before = wilma.heard("privmsg", nick, CHANNEL);
    await alice.say(room, "sorry");
    await wilma.hears("privmsg", nick, CHANNEL, [...before, "sorry"]);
    await alice.client.leave(room);
    await wilma.sees("alice's part", (event) => event.kind === "part" && event.nick === nick && event.channel === CHANNEL);
}

try {
    const desk = await enter();
    const room = await join(desk, CHANNEL);
    await words(room);
    await comingAndGoing(room);
    await topics(room);
    await priv(desk);
    await burst(room);
    await kickedAndLeaving(desk, room);
} catch (error) {
    alice.show();
    throw error;
}
process.exit(0);
