"""A stock matrix-nio client holds a conversation with people on IRC through the WASM bridge: it logs in to IRC with the
password of an account (SASL, over TLS) in the bot's room, and does all that clients do in a portal.

Argument: {"url", "user", "password", "bot", "irc_port", "account", "account_password"}. Exits with 1 and the reason when
anything differs.
"""

import asyncio
import json
import sys
import urllib.request

from nio import RoomCreateResponse, RoomKickResponse, RoomPutStateResponse

from conversation import CHANNEL, talk
from irc_person import IrcPerson
from matrix_person import MatrixPerson, expect
from waiting import until


class WasmBridge:
    bold_words = "\x02very \x02old"

    def __init__(self, alice, wilma, fred, bot, nick):
        self.alice, self.wilma, self.fred = alice, wilma, fred
        self.bot, self.nick = bot, nick

    def ghost(self, nick):
        return f"@irc_{nick}:{self.alice.server}"

    kicker = ghost

    async def ask(self, text, answer):
        """Says something to the bot and waits for what it answers, behind all that it said before."""
        before = len(self.alice.events(self.desk))
        await self.alice.say(self.desk, text)

        def answered():
            heard = [event for event in self.alice.events(self.desk)[before:] if event["sender"] == self.bot]
            bodies = [event["content"].get("body", "") for event in heard]
            assert any(answer in body for body in bodies), f"the bot said {bodies}"
            return next(body for body in bodies if answer in body)

        return await self.alice.until(f"{answer!r} after {text!r}", answered)

    async def enter(self, password):
        created = await self.alice.client.room_create(invite=[self.bot], is_direct=True)
        self.desk = expect(created, RoomCreateResponse).room_id
        await self.alice.sees("the welcome", self.desk, lambda event: "`login` begins" in event["content"].get("body", ""))
        await self.ask("login", "Nick?")
        await self.ask(self.nick, "User name?")
        await self.ask("-", "Real name?")
        await self.ask("-", "Password?")
        await self.ask(password, "Channels?")
        secret = [e for e in await self.alice.history(self.desk) if e["content"].get("body") == password]
        assert not secret, "the password stays in the room"
        await self.ask("-", f"Logged in as {self.nick}")
        await until("to be connected", self.is_connected)
        self.room = await self.join(CHANNEL)

    async def is_connected(self):
        answer = await self.ask("ping", self.nick)
        assert "Connected" in answer, answer
        return True

    async def join(self, chat):
        room = (await self.ask(f"join {chat}", f"{chat} is ")).split(" is ", 1)[1]
        await self.alice.until("to be in it", lambda: room in self.alice.client.rooms)
        return room

    async def is_renamed(self):
        pass

    async def rejoin(self):
        assert await self.join(CHANNEL) == self.room

    async def is_operator(self):
        await self.alice.sees(
            "to be an operator", self.room,
            lambda event: event["content"].get("users", {}).get(self.alice.user_id, 0) >= 50)

    async def kick(self, nick, reason):
        expect(await self.alice.client.room_kick(self.room, self.ghost(nick), reason), RoomKickResponse)

    async def is_kicked(self, _by, reason):
        # By the bot: the ghost of one operator has no power over another's.
        await self.alice.becomes(self.room, self.alice.user_id, "leave", reason=reason, by=self.bot)

    async def set_topic(self, topic):
        answer = await self.alice.client.room_put_state(self.room, "m.room.topic", {"topic": topic})
        expect(answer, RoomPutStateResponse)

    async def private_room(self, nick, text):
        def found():
            ghost = self.ghost(nick)
            for room, events in self.alice.rooms.items():
                if any(e["sender"] == ghost and e["content"].get("body") == text for e in events):
                    return room
            return None

        return await self.alice.until(f"the private room of {nick}", found)

    open_private = join


async def edits_and_files(bridge):
    """What the WASM bridge does besides."""
    alice, wilma, room = bridge.alice, bridge.wilma, bridge.room
    before = wilma.heard("pubmsg", bridge.nick, CHANNEL)
    slip = await alice.say(room, "a ship sails")
    await wilma.hears("pubmsg", bridge.nick, CHANNEL, [*before, "a ship sails"])
    await alice.send(room, {
        "msgtype": "m.text", "body": "* a ship sinks", "m.new_content": {"msgtype": "m.text", "body": "a ship sinks"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": slip},
    })
    await wilma.hears("pubmsg", bridge.nick, CHANNEL, [*before, "a ship sails", "* a ship sinks"])
    await alice.attach(room, "cargo list.txt", "text/plain", b"rope, tar")

    def link():
        return next((t for t in wilma.heard("pubmsg", bridge.nick, CHANNEL) if t.startswith("cargo list.txt <")), None)

    url = (await until("the file", link)).split("<", 1)[1].rstrip(">")
    opened = await asyncio.to_thread(urllib.request.urlopen, url, timeout=20)
    assert opened.read() == b"rope, tar"


async def main(arguments):
    port = arguments["irc_port"]
    wilma, fred = await IrcPerson.connect(port, "wilma"), await IrcPerson.connect(port, "fred")
    await wilma.join(CHANNEL)
    alice = await MatrixPerson.log_in(arguments["url"], arguments["user"], arguments["password"])
    try:
        bridge = WasmBridge(alice, wilma, fred, arguments["bot"], arguments["account"])
        await bridge.enter(arguments["account_password"])
        assert await wilma.account_of(bridge.nick) == arguments["account"], "not logged in to the account"
        await edits_and_files(bridge)
        await talk(bridge)
    except SystemExit:
        alice.show()
        raise
    finally:
        await alice.close()


asyncio.run(main(json.loads(sys.argv[1])))
