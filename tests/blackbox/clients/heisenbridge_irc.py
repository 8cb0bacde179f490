"""The same conversation through heisenbridge, a bridge of others, with its own commands.

Argument: {"url", "user", "password", "irc_port", "irc_tls_port", "account", "account_password"}. Exits with 1 and the
reason when anything differs.
"""

import asyncio
import json
import sys

from conversation import CHANNEL, talk
from irc_person import IrcPerson
from matrix_person import MatrixPerson


class Heisenbridge:
    # It writes formatting as text.
    bold_words = "*very* old"

    def __init__(self, alice, wilma, fred, nick):
        self.alice, self.wilma, self.fred, self.nick = alice, wilma, fred, nick
        self.bot = f"@heisenbridge:{alice.server}"

    def ghost(self, nick):
        return f"@irc_testnet_{nick}:{self.alice.server}"

    def kicker(self, _):
        return self.bot

    async def ask(self, room, text, answer):
        before = len(self.alice.events(room))
        await self.alice.say(room, text)

        def answered():
            bodies = [e["content"].get("body", "") for e in self.alice.events(room)[before:] if e["sender"] == self.bot]
            assert any(answer in body for body in bodies), f"the bot said {bodies}"
            return True

        await self.alice.until(f"{answer!r} after {text!r}", answered)

    async def enter(self, tls_port, password):
        control = await self.alice.is_invited()
        await self.ask(control, "ADDNETWORK testnet", "Network added")
        await self.ask(control, f"ADDSERVER testnet 127.0.0.1 {tls_port} --tls-insecure", "added")
        await self.alice.say(control, "OPEN testnet")
        self.network = await self.alice.is_invited()
        await self.ask(self.network, f"NICK {self.nick}", self.nick)
        await self.ask(self.network, f"SASL --username {self.nick} --password {password}", "SASL")
        await self.ask(self.network, "CONNECT", "Welcome")
        await self.alice.say(self.network, f"JOIN {CHANNEL}")
        self.room = await self.alice.is_invited()
        # Otherwise the ghost of who changes their nick is lost: a fault of its own.
        await self.order("SYNC --full", "Member sync is set to full")
        await self.order("NAMES", "Synchronizing members")
        await self.alice.becomes(self.room, self.ghost("wilma"), "join")

    async def order(self, text, answer):
        await self.ask(self.room, f"heisenbridge: {text}", answer)

    async def is_renamed(self):
        # It loses the new ghost where it hears of the old one's leaving before its own request for that is answered,
        # which a quick server makes likely: a fault of its own, that its list of names mends.
        await self.order("NAMES", "Synchronizing members")

    async def rejoin(self):
        await self.order("JOIN", f"Joined {CHANNEL}")

    async def bot_says(self, *words):
        def is_meant(event):
            return event["sender"] == self.bot and all(word in event["content"].get("body", "") for word in words)

        await self.alice.sees(f"the bot say {words}", self.room, is_meant)

    async def is_operator(self):
        await self.bot_says(f"set modes +o {self.nick}")

    async def kick(self, nick, reason):
        await self.alice.say(self.room, f"heisenbridge: KICK {nick} {reason}")

    async def is_kicked(self, by, reason):
        await self.bot_says("You were kicked from the channel", by, reason)

    async def set_topic(self, topic):
        await self.alice.say(self.room, f"heisenbridge: TOPIC {topic}")

    async def private_room(self, _nick, _text):
        return await self.alice.is_invited()

    async def open_private(self, nick):
        await self.alice.say(self.network, f"QUERY {nick}")
        return await self.alice.is_invited()


async def main(arguments):
    port = arguments["irc_port"]
    wilma, fred = await IrcPerson.connect(port, "wilma"), await IrcPerson.connect(port, "fred")
    await wilma.join(CHANNEL)
    alice = await MatrixPerson.log_in(arguments["url"], arguments["user"], arguments["password"])
    try:
        bridge = Heisenbridge(alice, wilma, fred, arguments["account"])
        await bridge.enter(arguments["irc_tls_port"], arguments["account_password"])
        assert await wilma.account_of(bridge.nick) == arguments["account"], "not logged in to the account"
        await talk(bridge)
    except SystemExit:
        alice.show()
        raise
    finally:
        await alice.close()


asyncio.run(main(json.loads(sys.argv[1])))
