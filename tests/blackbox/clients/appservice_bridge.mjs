// The harbor's bridge on matrix-appservice-bridge.
//
// Argument: {"url", "domain", "owner", "port", "harbor_port", "folder", "registration"}; with "generate" it writes the
// registration with the library's own command line and ends.

import { AppServiceRegistration, Bridge, Cli } from "matrix-appservice-bridge";

import { HarborBridge, options, owner, PREFIX } from "./harbor_bridge.mjs";

function generate(registration, done) {
    registration.setId("harbor");
    registration.setHomeserverToken(AppServiceRegistration.generateToken());
    registration.setAppServiceToken(AppServiceRegistration.generateToken());
    registration.setSenderLocalpart("harborbot");
    registration.setRateLimited(false);
    registration.pushEphemeral = true;
    registration.setProtocols(["harbor"]);
    registration.addRegexPattern("users", `@${PREFIX}.*`, true);
    // For the double puppet.
    registration.addRegexPattern("users", owner, false);
    registration.addRegexPattern("aliases", `#${PREFIX}.*`, true);
    done(registration);
}

const matrix = {
    async createRoom(settings) {
        return (await bridge.getIntent().createRoom({ createAsClient: true, options: settings })).room_id;
    },
    // The library has its bot invite the ghost where the room asks for that.
    async enter(user, room, name) {
        const intent = bridge.getIntent(user);
        await intent.ensureProfile(name);
        await intent.join(room);
    },
    async send(user, room, type, content) {
        return (await bridge.getIntent(user).sendEvent(room, type, content)).event_id;
    },
    redact: (user, room, event) => bridge.getIntent(user).matrixClient.redactEvent(room, event),
    upload: (user, data, name, type) => bridge.getIntent(user).uploadContent(Buffer.from(data), { name, type }),
    async download(url) {
        return (await bridge.getIntent().matrixClient.downloadContent(url)).data.toString();
    },
    typing: (user, room, isTyping) => bridge.getIntent(user).sendTyping(room, isTyping),
    read: (user, room, event) => bridge.getIntent(user).sendReadReceipt(room, event),
};

const harbor = new HarborBridge(matrix);
let bridge;

async function run() {
    bridge = new Bridge({
        homeserverUrl: options.url,
        domain: options.domain,
        registration: options.registration,
        disableStores: true,
        controller: {
            onEvent: (request) => harbor.fromMatrix(request.getData()),
            onEphemeralEvent: (request) => harbor.fromMatrix(request.getData()),
            onUserQuery: (user) => ({ name: user.localpart.slice(PREFIX.length) }),
            async onAliasQuery(_alias, localpart) {
                const chat = localpart.slice(PREFIX.length);
                if (chat === "reef") return null;
                const room = await matrix.createRoom({ name: chat, preset: "public_chat", room_alias_name: localpart });
                harbor.known.rooms[chat] = room;
                return { roomId: room };
            },
            thirdPartyLookup: {
                protocols: ["harbor"],
                getProtocol: async () => ({
                    user_fields: ["name"], location_fields: ["chat"], icon: "", field_types: {}, instances: [],
                }),
                getUser: async (_protocol, { name }) => [{ userid: harbor.userId(name), protocol: "harbor", fields: { name } }],
            },
        },
    });
    await bridge.run(options.port, undefined, "127.0.0.1");
    await bridge.getIntent().ensureRegistered();
    harbor.connect();
}

new Cli({ registrationPath: options.registration, generateRegistration: generate, run }).run(
    options.generate
        ? { "generate-registration": true, url: `http://127.0.0.1:${options.port}`, file: options.registration }
        : { file: options.registration },
);
