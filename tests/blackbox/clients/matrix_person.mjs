// Somebody with matrix-js-sdk, who keeps what their sync brings.

import assert from "node:assert/strict";
import * as sdk from "matrix-js-sdk";

import { until } from "./waiting.mjs";

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => silent };

export class MatrixPerson {
    // `more`: further options of the client; `prepare`: what is done with it before it syncs, and how it syncs.
    static async logIn(url, user, password, more = {}, prepare = async () => {}) {
        const guest = sdk.createClient({ baseUrl: url, logger: silent });
        const answer = await guest.loginRequest({
            type: "m.login.password", identifier: { type: "m.id.user", user }, password,
        });
        const person = new MatrixPerson();
        const client = sdk.createClient({
            baseUrl: url, accessToken: answer.access_token, userId: answer.user_id, deviceId: answer.device_id,
            logger: silent, ...more,
        });
        Object.assign(person, { client, userId: answer.user_id, server: answer.user_id.split(":")[1], rooms: new Map() });
        const ids = new Set();
        client.on(sdk.RoomEvent.Timeline, (event, room, toStart) => {
            if (event.isSending() || toStart || ids.has(event.getId())) return;
            ids.add(event.getId());
            if (!person.rooms.has(room.roomId)) person.rooms.set(room.roomId, []);
            person.rooms.get(room.roomId).push(event);
        });
        const how = await prepare(client);
        await client.startClient({ initialSyncLimit: 100, lazyLoadMembers: true, ...how });
        await until("the first sync", () => client.isInitialSyncComplete());
        return person;
    }

    async say(room, text) {
        return (await this.client.sendTextMessage(room, text)).event_id;
    }

    async send(room, content, kind = "m.room.message") {
        return (await this.client.sendEvent(room, kind, content)).event_id;
    }

    async attach(room, name, type, data) {
        const { content_uri: url } = await this.client.uploadContent(new Blob([data]), { type, name });
        return this.send(room, { msgtype: "m.file", body: name, url, info: { mimetype: type, size: data.length } });
    }

    events(room) {
        return this.rooms.get(room) ?? [];
    }

    // The newest event that is meant, once there is one.
    async sees(what, room, isMeant) {
        return until(`${this.userId} to see ${what}`, () => {
            const found = this.events(room).findLast(isMeant);
            if (!found) {
                const last = this.events(room).slice(-10).map((event) => [event.getSender(), event.getContent()]);
                throw new Error(`at last ${JSON.stringify(last)}`);
            }
            return found;
        });
    }

    async hears(room, sender, body) {
        const isMeant = (event) => event.getSender() === sender && event.getContent().body === body;
        return (await this.sees(`${body} of ${sender}`, room, isMeant)).getContent();
    }

    // The newest membership of somebody.
    async becomes(room, user, membership, { reason, by } = {}) {
        return until(`${user} to become ${membership}`, () => {
            const change = this.events(room).findLast((event) =>
                event.getType() === "m.room.member" && event.getStateKey() === user);
            assert(change, `nothing of ${user}`);
            const content = change.getContent();
            assert.equal(content.membership, membership);
            if (reason) assert.equal(content.reason, reason);
            if (by) assert.equal(change.getSender(), by);
            return content;
        });
    }

    // All of a room that this user may see, oldest first, as it is on the hub.
    async history(room) {
        const events = [];
        let from = null;
        for (;;) {
            const page = await this.client.createMessagesRequest(room, from, 500, sdk.Direction.Backward);
            events.push(...page.chunk);
            if (!page.end || !page.chunk.length) return events.reverse();
            from = page.end;
        }
    }

    // What was last seen in each room, for who has to find out why a scenario failed.
    show() {
        for (const [room, events] of this.rooms) {
            console.error(room);
            for (const event of events.slice(-8)) {
                console.error("   ", event.getSender(), event.getType(), JSON.stringify(event.getContent()));
            }
        }
    }

    isIn(room) {
        return this.client.getRoom(room)?.getMyMembership() === "join";
    }
}
