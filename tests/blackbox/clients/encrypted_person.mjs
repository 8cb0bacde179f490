// Somebody with matrix-js-sdk and its Rust crypto. Its keys are in memory; its secret storage key in `secrets`, as if
// the person kept it and typed it into each new device.

import assert from "node:assert/strict";
import { CryptoEvent, VerificationPhase } from "matrix-js-sdk/lib/crypto-api/index.js";

import { MatrixPerson } from "./matrix_person.mjs";
import { until } from "./waiting.mjs";

export class EncryptedPerson {
    // `how`: the options with which the client syncs.
    static async logIn(url, user, password, secrets = new Map(), how = () => ({})) {
        const network = { up: true };
        const offline = () => { if (!network.up) throw new TypeError("offline"); };
        const fetchFn = async (...request) => {
            offline();
            const answer = await fetch(...request);
            offline();
            return answer;
        };
        const cryptoCallbacks = {
            getSecretStorageKey: async ({ keys }) => {
                const known = Object.keys(keys).find((id) => secrets.has(id));
                return known ? [known, secrets.get(known)] : null;
            },
            cacheSecretStorageKey: (id, _, key) => secrets.set(id, key),
        };
        const person = new EncryptedPerson();
        const prepare = async (client) => {
            await client.initRustCrypto({ useIndexedDB: false });
            return how(client);
        };
        const matrix = await MatrixPerson.logIn(url, user, password, { fetchFn, cryptoCallbacks }, prepare);
        return Object.assign(person, {
            matrix, secrets, network, password, user, client: matrix.client, crypto: matrix.client.getCrypto(),
            userId: matrix.userId, deviceId: matrix.client.getDeviceId(),
        });
    }

    // What a server asks a password for; the first request goes without.
    authenticate() {
        return async (request) => {
            try {
                return await request(null);
            } catch (error) {
                assert.equal(error.httpStatus, 401, error.message);
                return request({
                    type: "m.login.password", password: this.password, session: error.data.session,
                    identifier: { type: "m.id.user", user: this.user },
                });
            }
        };
    }

    // Cross-signing keys, secret storage and a key backup, all new. No password may be asked for.
    async setUp() {
        await this.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: async (request) => request(null) });
        await this.crypto.bootstrapSecretStorage({
            createSecretStorageKey: () => this.crypto.createRecoveryKeyFromPassphrase(),
            setupNewKeyBackup: true,
        });
        assert(await this.crypto.isCrossSigningReady());
    }

    // A new device of somebody who has all that: it signs itself with the keys from the secret storage.
    async verifyOwnDevice() {
        assert(await this.crypto.userHasCrossSigningKeys(this.userId, true));
        await this.crypto.bootstrapCrossSigning({});
        await until(`${this.deviceId} to be signed by its owner`, async () =>
            (await this.crypto.getDeviceVerificationStatus(this.userId, this.deviceId))?.signedByOwner);
    }

    // The text of a message, once it could be read. Its session is answered with it.
    async reads(room, sender, body) {
        const isMeant = (event) => event.getSender() === sender && event.getContent().body === body;
        const event = await this.matrix.sees(`${body} of ${sender}`, room, isMeant);
        assert(event.isEncrypted(), "it was sent without encryption");
        return event.getWireContent().session_id;
    }

    // An event that came and could not be read.
    async cannotRead(room, id) {
        const isMeant = (event) => event.getId() === id && event.isDecryptionFailure();
        await this.matrix.sees(`that ${id} can't be read`, room, isMeant);
    }

    async devicesOf(person) {
        const devices = await this.crypto.getUserDeviceInfo([person.userId]);
        return [...(devices.get(person.userId)?.keys() ?? [])];
    }

    isVerified(person) {
        return this.crypto.getUserVerificationStatus(person.userId).then((status) => status.isCrossSigningVerified());
    }
}

// Two people compare emoji in a room, and both say that they are the same.
export async function compareEmoji(one, other, room) {
    const incoming = new Promise((resolve) => other.client.once(CryptoEvent.VerificationRequestReceived, resolve));
    const asked = await one.crypto.requestVerificationDM(other.userId, room);
    const request = await incoming;
    await request.accept();
    await until("the request to be accepted", () => asked.phase === VerificationPhase.Ready);
    const mine = await asked.startVerification("m.sas.v1");
    const theirs = await until("the other to see the start", () => request.verifier);
    // Asked for, not waited for: the client's own promises were seen never to be kept, with all messages there.
    let failure = null;
    const fails = (error) => { failure = error; };
    const step = async (what, holds) => until(what, () => {
        if (failure) throw failure;
        return holds();
    });
    mine.verify().catch(fails);
    theirs.verify().catch(fails);
    const left = await step("the emoji of one", () => mine.getShowSasCallbacks());
    const right = await step("the emoji of the other", () => theirs.getShowSasCallbacks());
    assert.equal(left.sas.emoji.length, 7);
    assert.deepEqual(left.sas.emoji, right.sas.emoji);
    left.confirm().catch(fails);
    right.confirm().catch(fails);
    for (const side of [asked, request]) {
        await step("the verification to be done", () => side.phase === VerificationPhase.Done);
    }
}
