// A bridge to the harbor, the tests' own network (../src/harbor.rs): its lines, and which event stands for which message.
// What a library does in its own way (`matrix`) is in the file of each.

import fs from "node:fs";
import net from "node:net";
import readline from "node:readline";

// On what the bridge sent as the double puppet of its user.
const DOUBLE_PUPPET = "example.harbor.double_puppet";

export const options = JSON.parse(process.argv[2]);
export const PREFIX = "harbor_";
export const owner = options.owner;

const file = `${options.folder}/harbor.json`;

export class HarborBridge {
    constructor(matrix) {
        this.matrix = matrix;
        // the rooms of chats, the events of messages, what each reaction said, and how many lines were taken
        this.known = { taken: 0, rooms: {}, events: {}, reactions: {} };
        if (fs.existsSync(file)) this.known = JSON.parse(fs.readFileSync(file, "utf8"));
        this.work = Promise.resolve();
    }

    // One after the other, in the order they came: an answer may otherwise be handled before what it answers is known.
    next(act) {
        this.work = this.work.then(act).catch((error) => {
            console.error(error);
            process.exit(1);
        });
    }

    connect() {
        this.harbor = net.connect(options.harbor_port, "127.0.0.1");
        this.tell({ after: this.known.taken });
        this.harbor.on("close", () => process.exit(1));
        readline.createInterface({ input: this.harbor }).on("line", (line) => this.next(async () => {
            await this.fromHarbor(JSON.parse(line));
            this.known.taken += 1;
            fs.writeFileSync(file, JSON.stringify(this.known));
        }));
        console.log("the bridge runs");
    }

    tell(line) {
        this.harbor.write(`${JSON.stringify(line)}\n`);
    }

    userId(name) {
        return name === owner.split(":")[0].slice(1) ? owner : `@${PREFIX}${name}:${options.domain}`;
    }

    isOurs(user) {
        return user.startsWith(`@${PREFIX}`);
    }

    async roomOf(chat) {
        this.known.rooms[chat] ??= await this.matrix.createRoom({
            name: chat, preset: "private_chat", invite: [owner],
        });
        return this.known.rooms[chat];
    }

    async fromHarbor(line) {
        const room = await this.roomOf(line.chat);
        const user = this.userId(line.sender);
        if (user !== owner) await this.matrix.enter(user, room, line.sender);
        const send = (type, content) => {
            if (user === owner) content[DOUBLE_PUPPET] = true;
            return this.matrix.send(user, room, type, content);
        };
        const target = this.known.events[line.target];
        switch (line.kind) {
        case "message": {
            const content = { msgtype: "m.text", body: line.text };
            if (line.file) {
                const { name, type, data } = line.file;
                const url = await this.matrix.upload(user, data, name, type);
                Object.assign(content, { msgtype: "m.file", body: name, url, info: { mimetype: type } });
            }
            if (line.reply_to) {
                content["m.relates_to"] = { "m.in_reply_to": { event_id: this.known.events[line.reply_to] } };
            }
            this.known.events[line.id] = await send("m.room.message", content);
            break;
        }
        case "edit":
            await send("m.room.message", {
                msgtype: "m.text", body: `* ${line.text}`,
                "m.new_content": { msgtype: "m.text", body: line.text },
                "m.relates_to": { rel_type: "m.replace", event_id: target },
            });
            break;
        case "reaction":
            this.known.events[this.reactionKey(line)] = await send("m.reaction", {
                "m.relates_to": { rel_type: "m.annotation", event_id: target, key: line.emoji },
            });
            break;
        case "unreaction":
            await this.matrix.redact(user, room, this.known.events[this.reactionKey(line)]);
            break;
        case "removal":
            await this.matrix.redact(user, room, target);
            break;
        case "typing":
            await this.matrix.typing(user, room, line.typing);
            break;
        case "read":
            await this.matrix.read(user, room, target);
            break;
        default:
            throw new Error(`the harbor said ${JSON.stringify(line)}`);
        }
    }

    reactionKey({ target, sender, emoji }) {
        return `${target} ${sender} ${emoji}`;
    }

    fromMatrix(event) {
        this.next(() => this.pass(event));
    }

    async pass(event) {
        const { content, sender } = event;
        const chat = Object.keys(this.known.rooms).find((chat) => this.known.rooms[chat] === event.room_id);
        if (!chat || (sender && this.isOurs(sender)) || content[DOUBLE_PUPPET]) return;
        const idOf = (eventId) =>
            Object.keys(this.known.events).find((id) => this.known.events[id] === eventId) ?? eventId;
        const relation = content["m.relates_to"] ?? {};
        switch (event.type) {
        case "m.room.message": {
            if (relation.rel_type === "m.replace") {
                const text = content["m.new_content"].body;
                return this.tell({ kind: "edit", chat, sender, target: idOf(relation.event_id), text });
            }
            const line = { kind: "message", chat, sender, id: event.event_id, text: content.body };
            if (relation["m.in_reply_to"]) line.reply_to = idOf(relation["m.in_reply_to"].event_id);
            if (content.url) {
                line.file = {
                    name: content.body, type: content.info.mimetype, data: await this.matrix.download(content.url),
                };
            }
            this.known.events[event.event_id] = event.event_id;
            return this.tell(line);
        }
        case "m.reaction": {
            const said = { chat, sender, target: idOf(relation.event_id), emoji: relation.key };
            this.known.reactions[event.event_id] = said;
            return this.tell({ kind: "reaction", ...said });
        }
        case "m.room.redaction": {
            const reaction = this.known.reactions[event.redacts];
            if (reaction) return this.tell({ kind: "unreaction", ...reaction });
            return this.tell({ kind: "removal", chat, sender, target: idOf(event.redacts) });
        }
        case "m.typing":
            for (const user of content.user_ids.filter((user) => !this.isOurs(user))) {
                this.tell({ kind: "typing", chat, sender: user, typing: true });
            }
            return;
        case "m.receipt":
            for (const [eventId, kinds] of Object.entries(content)) {
                for (const user of Object.keys(kinds["m.read"] ?? {}).filter((user) => !this.isOurs(user))) {
                    this.tell({ kind: "read", chat, sender: user, target: idOf(eventId) });
                }
            }
            return;
        }
    }
}
