// Two stock clients with matrix-js-sdk's Rust crypto: an encrypted room, emoji, cross-signing, key backup, devices that
// come, are offline, dehydrated and removed.
// Argument: {"url", "user", "password", "other", "other_password"}. Exits with 1 and the reason when anything differs.

import assert from "node:assert/strict";

import { EncryptedPerson, compareEmoji } from "./encrypted_person.mjs";
import { until } from "./waiting.mjs";

const options = JSON.parse(process.argv[2]);
// The Rust crypto tells all that it does.
console.debug = console.info = console.log = () => {};
const people = [];
const logIn = async (user, password, secrets) => {
    const person = await EncryptedPerson.logIn(options.url, user, password, secrets);
    people.push(person);
    return person;
};

try {
    const alice = await logIn(options.user, options.password);
    const bob = await logIn(options.other, options.other_password);
    await alice.setUp();
    await bob.setUp();

    const { room_id: room } = await alice.client.createRoom({
        preset: "private_chat", invite: [bob.userId],
        initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    });
    await until("the invite", () => bob.client.getRoom(room)?.getMyMembership() === "invite");
    await bob.client.joinRoom(room);
    await until("both to be in", () => alice.client.getRoom(room)?.getMember(bob.userId)?.membership === "join");
    await until("bob to know that it is encrypted", () => bob.crypto.isEncryptionEnabledInRoom(room));
    await alice.matrix.say(room, "between us");
    await bob.reads(room, alice.userId, "between us");
    await bob.matrix.say(room, "yes");
    const before = await alice.reads(room, bob.userId, "yes");

    assert(!(await alice.isVerified(bob)) && !(await bob.isVerified(alice)));
    await compareEmoji(alice, bob, room);
    await until("alice to trust bob", () => alice.isVerified(bob));
    await until("bob to trust alice", () => bob.isVerified(alice));

    // A new device of alice's reads what was said before it was there, from the backup; bob trusts it without a look.
    const backup = () => alice.client.http.authedRequest("GET", "/room_keys/version");
    await until("alice's keys to be backed up", async () => (await backup()).count >= 2);
    const second = await logIn(options.user, options.password, alice.secrets);
    const old = second.matrix.events(room).find((event) => event.isEncrypted());
    await second.cannotRead(room, old.getId());
    await second.verifyOwnDevice();
    await second.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    const { imported, total } = await second.crypto.restoreKeyBackup();
    assert(imported >= 2 && imported === total, `${imported} of ${total}`);
    await second.reads(room, alice.userId, "between us");
    await second.reads(room, bob.userId, "yes");
    await until("bob to trust the new device", async () =>
        (await bob.crypto.getDeviceVerificationStatus(alice.userId, second.deviceId))?.crossSigningVerified);

    // Who is offline reads it later.
    bob.network.up = false;
    await alice.matrix.say(room, "while you were away");
    await second.reads(room, alice.userId, "while you were away");
    bob.network.up = true;
    bob.client.retryImmediately();
    await bob.reads(room, alice.userId, "while you were away");

    // A dehydrated device gets the keys of what is said while no device of its user is there.
    assert(await alice.crypto.isDehydrationSupported());
    await alice.crypto.startDehydration();
    await until("bob to see the dehydrated device", async () => (await bob.devicesOf(alice)).length === 3);
    await bob.matrix.say(room, "to who sleeps");
    const third = await logIn(options.user, options.password, alice.secrets);
    await third.verifyOwnDevice();
    await third.crypto.startDehydration();
    await third.reads(room, bob.userId, "to who sleeps");

    // A device that is removed reads nothing more.
    await second.reads(room, bob.userId, "to who sleeps");
    await alice.authenticate()((auth) => alice.client.deleteDevice(second.deviceId, auth ?? undefined));
    await until("bob to hear of it", async () => !(await bob.devicesOf(alice)).includes(second.deviceId));
    await bob.matrix.say(room, "without that one");
    const after = await alice.reads(room, bob.userId, "without that one");
    assert.notEqual(after, before, "bob goes on with a session that the removed device has");
    const refused = await second.client.whoami().then(() => null, (error) => error);
    assert.deepEqual([refused?.httpStatus, refused?.errcode], [401, "M_UNKNOWN_TOKEN"]);
    assert(!second.matrix.events(room).some((event) => event.getContent().body === "without that one"));
} catch (error) {
    for (const person of people) person.matrix.show();
    console.error(error);
    process.exit(1);
}
process.exit(0);
