// A stock matrix-js-sdk client lives on the hub: log in, sync, rooms, send, edit, react, upload, state.
// Argument: {"url", "user", "password", "other", "other_password"}. Exits with 1 and the reason when anything differs.

import assert from "node:assert/strict";
import * as sdk from "matrix-js-sdk";

const options = JSON.parse(process.argv[2]);
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => silent };

async function logIn(user, password) {
    const guest = sdk.createClient({ baseUrl: options.url, logger: silent });
    const answer = await guest.loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user },
        password,
    });
    const client = sdk.createClient({
        baseUrl: options.url,
        accessToken: answer.access_token,
        userId: answer.user_id,
        deviceId: answer.device_id,
        logger: silent,
    });
    await client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true });
    await until("the first sync", () => client.isInitialSyncComplete());
    return client;
}

async function until(what, holds) {
    const deadline = Date.now() + 30_000;
    for (;;) {
        const answer = await holds();
        if (answer) return answer;
        if (Date.now() > deadline) throw new Error(`waited 30 s for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

const bodies = (client, room) =>
    (client.getRoom(room)?.getLiveTimeline().getEvents() ?? []).map((event) => event.getContent().body);

const alice = await logIn(options.user, options.password);
const bob = await logIn(options.other, options.other_password);
try {
    const { room_id: room } = await alice.createRoom({ name: "Harbour", preset: "private_chat", invite: [bob.getUserId()] });
    await until("the invite", () => bob.getRoom(room)?.getMyMembership() === "invite");
    await bob.joinRoom(room);
    await until("bob to be joined", () => bob.getRoom(room)?.getMyMembership() === "join");

    const { event_id: first } = await alice.sendTextMessage(room, "ahoy");
    await alice.sendEvent(room, "m.room.message", {
        msgtype: "m.text",
        body: "* ahoy, bob",
        "m.new_content": { msgtype: "m.text", body: "ahoy, bob" },
        "m.relates_to": { rel_type: "m.replace", event_id: first },
    });
    await until("the edit", () => bob.getRoom(room)?.findEventById(first)?.getContent().body === "ahoy, bob");
    await bob.sendEvent(room, "m.reaction", {
        "m.relates_to": { rel_type: "m.annotation", event_id: first, key: "⚓" },
    });
    await until("the reaction", () =>
        alice.getRoom(room)?.getLiveTimeline().getEvents().some((event) => event.getType() === "m.reaction"));

    await alice.setRoomTopic(room, "ships");
    await until("the topic", () =>
        bob.getRoom(room)?.currentState.getStateEvents("m.room.topic", "")?.getContent().topic === "ships");
    await alice.setDisplayName("Alice of the Harbour");
    await until("the display name", () => bob.getRoom(room)?.getMember(alice.getUserId())?.name === "Alice of the Harbour");

    const { content_uri: uri } = await alice.uploadContent(new Blob(["cargo list"]), { type: "text/plain", name: "cargo.txt" });
    const url = bob.mxcUrlToHttp(uri, undefined, undefined, undefined, false, true, true);
    const file = await fetch(url, { headers: { authorization: `Bearer ${bob.getAccessToken()}` } });
    assert.equal(await file.text(), "cargo list");

    for (let number = 0; number < 25; number += 1) await alice.sendTextMessage(room, `wave ${number}`);
    await until("all waves", () => bodies(bob, room).includes("wave 24"));
    const waves = bodies(bob, room).filter((body) => body?.startsWith("wave "));
    assert.deepEqual(waves, Array.from({ length: 25 }, (_, number) => `wave ${number}`));
    await until("the unread count", () => bob.getRoom(room).getUnreadNotificationCount() > 0);
    await bob.sendReadReceipt(bob.getRoom(room).getLiveTimeline().getEvents().at(-1));
    await until("the count to fall", () => bob.getRoom(room).getUnreadNotificationCount() === 0);
} finally {
    alice.stopClient();
    bob.stopClient();
}
process.exit(0);
