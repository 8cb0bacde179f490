// The harbor's bridge on matrix-bot-sdk's Appservice, with the double puppet by a registration of its own.
//
// Argument: {"url", "domain", "owner", "port", "harbor_port", "folder", "registration", "puppet_registration"}; with
// "generate" it writes both registrations and ends.

import { randomBytes } from "node:crypto";
import fs from "node:fs";

import { Appservice, LogLevel, LogService, MatrixClient, SimpleFsStorageProvider } from "matrix-bot-sdk";

import { HarborBridge, options, owner, PREFIX } from "./harbor_bridge.mjs";

const token = () => randomBytes(16).toString("hex");

function generate() {
    const escaped = options.domain.replaceAll(".", "\\.");
    fs.writeFileSync(options.registration, JSON.stringify({
        id: "harbor", url: `http://127.0.0.1:${options.port}`, as_token: token(), hs_token: token(),
        sender_localpart: "harborbot", rate_limited: false, protocols: ["harbor"],
        "de.sorunome.msc2409.push_ephemeral": true,
        namespaces: {
            users: [{ regex: `@${PREFIX}.*:${escaped}`, exclusive: true }],
            aliases: [{ regex: `#${PREFIX}.*:${escaped}`, exclusive: true }],
            rooms: [],
        },
    }));
    fs.writeFileSync(options.puppet_registration, JSON.stringify({
        id: "doublepuppet", url: null, as_token: token(), hs_token: token(), sender_localpart: token(),
        rate_limited: false, namespaces: { users: [{ regex: `@.*:${escaped}`, exclusive: false }] },
    }));
}

if (options.generate) {
    generate();
    process.exit(0);
}

LogService.setLevel(LogLevel.WARN);
const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const appservice = new Appservice({
    port: options.port, bindAddress: "127.0.0.1", homeserverName: options.domain, homeserverUrl: options.url,
    registration: read(options.registration), storage: new SimpleFsStorageProvider(`${options.folder}/bot-sdk.json`),
});
const puppet = new MatrixClient(options.url, read(options.puppet_registration).as_token);
puppet.impersonateUserId(owner);

const clientOf = (user) => (user === owner ? puppet : appservice.getIntentForUserId(user).underlyingClient);

const matrix = {
    createRoom: (settings) => appservice.botClient.createRoom(settings),
    async enter(user, room, name) {
        const intent = appservice.getIntentForUserId(user);
        await intent.ensureRegistered();
        await intent.underlyingClient.setDisplayName(name);
        if ((await intent.getJoinedRooms()).includes(room)) return;
        await appservice.botClient.inviteUser(user, room);
        await intent.ensureRegisteredAndJoined(room);
    },
    send: (user, room, type, content) => clientOf(user).sendEvent(room, type, content),
    redact: (user, room, event) => clientOf(user).redactEvent(room, event),
    upload: (user, data, name, type) => clientOf(user).uploadContent(Buffer.from(data), type, name),
    async download(url) {
        return (await appservice.botClient.downloadContent(url)).data.toString();
    },
    typing: (user, room, isTyping) => clientOf(user).setTyping(room, isTyping),
    read: (user, room, event) => clientOf(user).sendReadReceipt(room, event),
};

const harbor = new HarborBridge(matrix);

appservice.on("room.event", (room_id, event) => harbor.fromMatrix({ ...event, room_id }));
appservice.on("ephemeral.event", (event) => harbor.fromMatrix(event));
appservice.on("query.user", (user, create) => create({ display_name: appservice.getSuffixForUserId(user) }));
appservice.on("query.room", (alias, create) => {
    const chat = appservice.getSuffixForAlias(alias);
    if (chat === "reef") return create(false);
    // It makes the room itself after this, and puts its id into what it was given.
    const room = { name: chat, preset: "public_chat" };
    create(room);
    Object.defineProperty(room, "__roomId", { set: (id) => { harbor.known.rooms[chat] = id; } });
});
appservice.on("thirdparty.protocol", (_protocol, answer) =>
    answer({ user_fields: ["name"], location_fields: ["chat"], icon: "", field_types: {}, instances: [] }));
appservice.on("thirdparty.user.remote", (_protocol, { name }, answer) =>
    answer([{ userid: harbor.userId(name), protocol: "harbor", fields: { name } }]));

await appservice.begin();
await appservice.botIntent.ensureRegistered();
harbor.connect();
