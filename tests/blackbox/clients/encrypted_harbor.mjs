// Alice with matrix-js-sdk and its encryption, in a room that a bridge to the harbor encrypts. What the harbor says and
// hears meanwhile is in ../tests/scenarios/counterparts/encryption.rs.
//
// Argument: {"url", "user", "password", "chat", "gull", "bot", "is_signed", "ready", "away"}; `is_signed`: the bot signs its
// device; the last two are types of account data: that which is set here once alice's device has its keys, and that which
// says that the bridge was stopped.

import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";

import { EncryptedPerson } from "./encrypted_person.mjs";
import { until } from "./waiting.mjs";

const { subtle } = webcrypto;
const options = JSON.parse(process.argv[2]);
const unpadded = (bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, "");
const hash = (bytes) => unpadded(createHash("sha256").update(bytes).digest());

// Attachments as the client-server API has them encrypted: AES-CTR, and the hash of what is stored.
async function encryptFile(text) {
    const key = await subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt", "decrypt"]);
    const counter = new Uint8Array(16);
    webcrypto.getRandomValues(counter.subarray(0, 8));
    const data = Buffer.from(await subtle.encrypt({ name: "AES-CTR", counter, length: 64 }, key, Buffer.from(text)));
    const file = { v: "v2", key: await subtle.exportKey("jwk", key), iv: unpadded(counter), hashes: { sha256: hash(data) } };
    return { data, file };
}

async function decryptFile(data, file) {
    assert.equal(hash(data), file.hashes.sha256.replace(/=+$/, ""));
    const key = await subtle.importKey("jwk", file.key, "AES-CTR", false, ["decrypt"]);
    const counter = Buffer.from(file.iv, "base64");
    return Buffer.from(await subtle.decrypt({ name: "AES-CTR", counter, length: 64 }, key, data)).toString();
}

const { matrix: alice, client, crypto, userId, deviceId } =
    await EncryptedPerson.logIn(options.url, options.user, options.password);
try {
    await until("the device's keys", async () => {
        const body = { device_keys: { [userId]: [] } };
        const { device_keys: keys } = await client.http.authedRequest("POST", "/keys/query", undefined, body);
        return keys[userId]?.[deviceId];
    });
    await client.setAccountData(options.ready, { device_id: deviceId });
    const room = await until("the room of the chat", () =>
        client.getRooms().find((room) => room.name === options.chat && room.getMyMembership() === "join")?.roomId);
    await until("the room to be encrypted", () => client.getCrypto().isEncryptionEnabledInRoom(room));

    const hears = async (what, isMeant) => {
        const event = await alice.sees(what, room, (event) => event.getSender() === options.gull && isMeant(event));
        assert(event.isEncrypted(), `${what} came as plain text`);
        return event;
    };
    const first = await hears("the first message", (event) => event.getOriginalContent().body === "ahoy");
    const device = first.getWireContent().device_id;
    // Its keys are asked for only once it is known that they are needed.
    await until("the bot's device to be known", async () => {
        const status = await crypto.getDeviceVerificationStatus(options.bot, device);
        assert.equal(status?.signedByOwner, options.is_signed, `the bot's device ${device}`);
        return true;
    });
    const mine = await alice.say(room, "ahoy, gull");
    await until("the edit of gull", () => first.replacingEvent()?.getContent()["m.new_content"]?.body === "ahoy, alice");
    assert(first.replacingEvent().isEncrypted(), "the edit came as plain text");
    await alice.send(room, {
        msgtype: "m.text", body: "* ahoy, dear gull", "m.new_content": { msgtype: "m.text", body: "ahoy, dear gull" },
        "m.relates_to": { rel_type: "m.replace", event_id: mine },
    });
    const reply = await hears("the reply", (event) => event.getContent().body === "aye");
    assert.equal(reply.replyEventId, mine);
    await alice.send(room, {
        msgtype: "m.text", body: "and you?", "m.relates_to": { "m.in_reply_to": { event_id: first.getId() } },
    });
    await alice.send(room, { "m.relates_to": { rel_type: "m.annotation", event_id: reply.getId(), key: "🐟" } }, "m.reaction");

    const { file } = (await hears("the file", (event) => event.getContent().msgtype === "m.file")).getContent();
    const url = client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true);
    const answer = await fetch(url, { headers: { authorization: `Bearer ${client.getAccessToken()}` } });
    assert.equal(await decryptFile(Buffer.from(await answer.arrayBuffer()), file), "ten barrels");
    const map = await encryptFile("here be gulls");
    const { content_uri } = await client.uploadContent(new Blob([map.data]), { type: "application/octet-stream" });
    await alice.send(room, {
        msgtype: "m.file", body: "map.txt", file: { ...map.file, url: content_uri }, info: { mimetype: "text/plain", size: 13 },
    });

    await until("the bridge to be away", () => client.getAccountData(options.away));
    for (let number = 0; number < 5; number += 1) await alice.say(room, `missed ${number}`);
    const missed = (event) => event.getSender() === options.gull && event.getContent().body?.startsWith("missed");
    await until("what was said meanwhile", () => {
        const texts = alice.events(room).filter(missed).map((event) => event.getContent().body);
        assert.deepEqual(texts, ["missed 0", "missed 1", "missed 2", "missed 3", "missed 4"]);
        return true;
    });
    await alice.say(room, "there you are");
} catch (error) {
    alice.show();
    throw error;
} finally {
    client.stopClient();
}
process.exit(0);
