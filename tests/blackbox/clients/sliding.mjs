// matrix-js-sdk with sliding sync and Rust crypto beside one that syncs as ever: room list, invites, an encrypted room.
// Argument: {"url", "user", "password", "other", "other_password"}. Exits with 1 and the reason when anything differs.

import assert from "node:assert/strict";
import { SlidingSync } from "matrix-js-sdk/lib/sliding-sync.js";

import { EncryptedPerson } from "./encrypted_person.mjs";
import { until } from "./waiting.mjs";

const options = JSON.parse(process.argv[2]);
// The Rust crypto tells all that it does.
console.debug = console.info = console.log = () => {};
const people = [];
try {
    const required = [
        ["m.room.member", "$LAZY"], ["m.room.member", "$ME"], ["m.room.create", ""], ["m.room.name", ""],
        ["m.room.encryption", ""], ["m.room.power_levels", ""], ["m.room.join_rules", ""],
    ];
    const alias = (number) => `${options.other}-${number}`;
    const window = { ranges: [[0, 4]], timeline_limit: 3, required_state: required };
    const slides = (client) => {
        const room = { timeline_limit: 20, required_state: required };
        return { slidingSync: new SlidingSync(options.url, new Map([["all", window]]), room, client, 30_000) };
    };
    const bob = await EncryptedPerson.logIn(options.url, options.other, options.other_password);
    people.push(bob);
    for (let number = 0; number < 6; number += 1) {
        await bob.client.createRoom({ name: `Room ${number}`, preset: "public_chat", room_alias_name: alias(number) });
    }
    const alice = await EncryptedPerson.logIn(options.url, options.user, options.password, new Map(), slides);
    people.push(alice);
    assert.equal(alice.client.getRooms().length, 0);
    for (let number = 0; number < 6; number += 1) await alice.client.joinRoom(`#${alias(number)}:${alice.matrix.server}`);
    await until("the newest five rooms", () => {
        const names = alice.client.getRooms().map((room) => room.name).sort();
        assert(["Room 1", "Room 2", "Room 3", "Room 4", "Room 5"].every((name) => names.includes(name)), names.join());
        return true;
    });

    const { room_id: room } = await bob.client.createRoom({
        name: "Between us", preset: "private_chat", invite: [alice.userId],
        initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    });
    await until("the invite", () => alice.client.getRoom(room)?.getMyMembership() === "invite");
    await alice.client.joinRoom(room);
    await until("alice to be in", () => alice.matrix.isIn(room) && bob.client.getRoom(room)?.getMember(alice.userId)?.membership === "join");
    await until("alice to know that it is encrypted", () => alice.crypto.isEncryptionEnabledInRoom(room));
    await bob.matrix.say(room, "to who slides");
    await alice.reads(room, bob.userId, "to who slides");
    await alice.matrix.say(room, "from who slides");
    await bob.reads(room, alice.userId, "from who slides");
    assert.equal(alice.client.getRoom(room).getMember(bob.userId).membership, "join", "who speaks is known");

    // A room outside of the window comes into it by what is said there.
    const first = bob.client.getRooms().find((known) => known.name === "Room 0").roomId;
    await bob.matrix.say(first, "news");
    await alice.matrix.hears(first, bob.userId, "news");
    assert.equal(alice.client.getRoom(first).name, "Room 0");
    await bob.client.sendTyping(first, true, 20_000);
    await until("alice to see that bob types", () => alice.client.getRoom(first).getMember(bob.userId)?.typing);
    await alice.client.leave(first);
    await until("the room to be left", () => alice.client.getRoom(first)?.getMyMembership() === "leave");
} catch (error) {
    for (const person of people) person.matrix.show();
    console.error(error);
    process.exit(1);
}
process.exit(0);
