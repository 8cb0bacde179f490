"""A stock matrix-nio client lives on the hub: log in, rooms, sync, send, edit, react, redact, upload, receipts.

Argument: {"url", "user", "password", "other", "other_password"}. Exits with 1 and the reason when anything differs.
"""

import asyncio
import io
import json
import sys

from nio import (
    AsyncClient, DownloadResponse, JoinResponse, LoginResponse, ReactionEvent, RoomCreateResponse, RoomGetEventResponse,
    RoomMessagesResponse, RoomMessageText, RoomRedactResponse, RoomSendResponse, SyncResponse, UploadResponse,
)


def expect(answer, kind):
    if not isinstance(answer, kind):
        raise SystemExit(f"expected {kind.__name__}, got {answer}")
    return answer


async def text(client, room, body, **extra):
    content = {"msgtype": "m.text", "body": body, **extra}
    return expect(await client.room_send(room, "m.room.message", content), RoomSendResponse).event_id


async def main(arguments):
    alice = AsyncClient(arguments["url"], arguments["user"])
    bob = AsyncClient(arguments["url"], arguments["other"])
    try:
        expect(await alice.login(arguments["password"]), LoginResponse)
        expect(await bob.login(arguments["other_password"]), LoginResponse)
        expect(await alice.sync(timeout=0, full_state=True), SyncResponse)
        expect(await bob.sync(timeout=0, full_state=True), SyncResponse)

        created = expect(await alice.room_create(name="Town square", topic="talk", invite=[bob.user_id]), RoomCreateResponse)
        room = created.room_id
        invited = expect(await bob.sync(timeout=5000), SyncResponse)
        assert room in invited.rooms.invite, "bob sees no invite"
        expect(await bob.join(room), JoinResponse)

        first = await text(alice, room, "hello")
        edited = await text(
            alice, room, "* hello, bob",
            **{"m.new_content": {"msgtype": "m.text", "body": "hello, bob"},
               "m.relates_to": {"rel_type": "m.replace", "event_id": first}},
        )
        expect(await bob.room_send(room, "m.reaction", {
            "m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}}), RoomSendResponse)
        gone = await text(alice, room, "a slip")
        expect(await alice.room_redact(room, gone, "slip"), RoomRedactResponse)

        synced = expect(await bob.sync(timeout=5000), SyncResponse)
        timeline = synced.rooms.join[room].timeline.events
        bodies = [event.body for event in timeline if isinstance(event, RoomMessageText)]
        assert "hello" in bodies and "* hello, bob" in bodies, f"bob heard {bodies}"
        assert bob.rooms[room].name == "Town square", bob.rooms[room].name
        assert set(bob.rooms[room].users) == {alice.user_id, bob.user_id}, bob.rooms[room].users

        whole = expect(await bob.room_get_event(room, first), RoomGetEventResponse)
        bundled = whole.event.source.get("unsigned", {}).get("m.relations", {}).get("m.replace", {})
        assert bundled.get("event_id") == edited, f"the edit is not bundled: {whole.event.source}"
        redacted = expect(await bob.room_get_event(room, gone), RoomGetEventResponse)
        assert redacted.event.source["content"] == {}, redacted.event.source

        data = bytes(range(256)) * 40
        uploaded, _ = await alice.upload(io.BytesIO(data), content_type="application/octet-stream", filename="bytes.bin", filesize=len(data))
        expect(uploaded, UploadResponse)
        download = expect(await bob.download(uploaded.content_uri), DownloadResponse)
        assert download.body == data, "the download differs"

        for number in range(30):
            await text(alice, room, f"line {number}")
        back = expect(await bob.room_messages(room, start="", limit=100), RoomMessagesResponse)
        lines = [event.body for event in reversed(back.chunk) if isinstance(event, RoomMessageText) and event.body.startswith("line ")]
        assert lines == [f"line {number}" for number in range(30)], lines
        reactions = [event for event in back.chunk if isinstance(event, ReactionEvent)]
        assert [event.key for event in reactions] == ["👍"], reactions

        await bob.room_typing(room, True)
        await bob.room_read_markers(room, back.chunk[0].event_id, back.chunk[0].event_id)
        seen = expect(await alice.sync(timeout=5000), SyncResponse)
        while not alice.rooms[room].typing_users and not alice.rooms[room].read_receipts:
            seen = expect(await alice.sync(timeout=5000), SyncResponse)
        await bob.room_leave(room)
        assert room not in (await bob.joined_rooms()).rooms
        await bob.logout()
        await alice.logout()
    finally:
        await alice.close()
        await bob.close()


asyncio.run(main(json.loads(sys.argv[1])))
