"""Somebody with matrix-nio, who keeps what their sync brings."""

import asyncio
import io

from nio import AsyncClient, LoginResponse, RoomMessagesResponse, RoomSendResponse, SyncResponse, UploadResponse

from waiting import until


def expect(answer, kind):
    if not isinstance(answer, kind):
        raise SystemExit(f"expected {kind.__name__}, got {answer}")
    return answer


class MatrixPerson:
    def __init__(self, client):
        self.client = client
        self.user_id = client.user_id
        self.server = client.user_id.split(":", 1)[1]
        self.rooms = {}
        self.ids = set()

    @classmethod
    async def log_in(cls, url, user, password):
        client = AsyncClient(url, user)
        expect(await client.login(password), LoginResponse)
        person = cls(client)
        client.add_response_callback(person.keep, SyncResponse)
        timelines = {"room": {"timeline": {"limit": 100}}}
        person.syncing = asyncio.create_task(client.sync_forever(timeout=10000, sync_filter=timelines, full_state=True))
        await person.until("the first sync", lambda: client.next_batch)
        return person

    async def keep(self, synced):
        for rooms in (synced.rooms.join, synced.rooms.leave):
            for room, info in rooms.items():
                for event in info.timeline.events:
                    if event.event_id in self.ids:
                        # Whoever comes back into a room gets its last events, also those that they saw before.
                        assert info.timeline.limited, f"sync brought {event.event_id} twice"
                        continue
                    self.ids.add(event.event_id)
                    self.rooms.setdefault(room, []).append(event.source)

    def show(self):
        """What was last seen in each room, for who has to find out why a scenario failed."""
        for room, events in self.rooms.items():
            print(room)
            for event in events[-8:]:
                print("   ", event["sender"], event["type"], event["content"])

    async def close(self):
        self.syncing.cancel()
        await self.client.close()

    async def send(self, room, content, kind="m.room.message"):
        return expect(await self.client.room_send(room, kind, content), RoomSendResponse).event_id

    async def say(self, room, text):
        return await self.send(room, {"msgtype": "m.text", "body": text})

    async def attach(self, room, name, mime, data):
        answer, _ = await self.client.upload(io.BytesIO(data), content_type=mime, filename=name, filesize=len(data))
        url = expect(answer, UploadResponse).content_uri
        info = {"mimetype": mime, "size": len(data)}
        return await self.send(room, {"msgtype": "m.file", "body": name, "url": url, "info": info})

    def events(self, room):
        return self.rooms.get(room, [])

    async def sees(self, what, room, is_meant):
        """The newest event that is meant, once there is one."""

        def found():
            events = self.events(room)
            last = [(event["type"], event["sender"], event["content"]) for event in events[-10:]]
            assert any(map(is_meant, events)), f"at last {last}"
            return next(filter(is_meant, reversed(events)))

        return await self.until(what, found)

    async def until(self, what, holds):
        def syncing():
            if self.syncing.done():
                raise SystemExit(f"the sync ended: {self.syncing.exception()!r}")
            return holds()

        return await until(f"{self.user_id}: {what}", syncing)

    async def hears(self, room, sender, body):
        return await self.sees(
            f"{body!r} of {sender}", room,
            lambda event: event["sender"] == sender and event["content"].get("body") == body)

    async def becomes(self, room, user, membership, reason=None, by=None):
        """The newest membership of somebody."""

        def holds():
            changes = [e for e in self.events(room) if e["type"] == "m.room.member" and e["state_key"] == user]
            assert changes, f"nothing of {user}"
            new = changes[-1]
            assert new["content"]["membership"] == membership, new["content"]
            assert reason is None or reason in new["content"].get("reason", ""), new["content"]
            assert by is None or new["sender"] == by, new
            return new

        return await self.until(f"{user} become {membership}", holds)

    async def history(self, room):
        """All of a room that this user may see, oldest first."""
        events, start = [], ""
        while True:
            page = expect(await self.client.room_messages(room, start=start, limit=500), RoomMessagesResponse)
            events.extend(page.chunk)
            if not page.end or not page.chunk:
                return [event.source for event in reversed(events)]
            start = page.end

    async def is_invited(self):
        """The next room that this user is invited to, joined."""
        room = await self.until("an invitation", lambda: next(iter(self.client.invited_rooms), None))
        await self.client.join(room)
        await self.until("to be in it", lambda: room in self.client.rooms)
        return room
