"""Somebody on IRC, with the PyPI library `irc`."""

import asyncio

from irc.client_aio import AioReactor

from waiting import until


class IrcPerson:
    def __init__(self, connection, nick):
        self.connection = connection
        self.nick = nick
        self.events = []

    @classmethod
    async def connect(cls, port, nick):
        reactor = AioReactor(loop=asyncio.get_running_loop())
        connection = reactor.server()
        # Lines may be in any encoding; a byte that is no UTF-8 must not end the reading.
        connection.buffer_class.errors = "replace"
        person = cls(connection, nick)
        reactor.add_global_handler("all_events", lambda _, event: person.events.append(event))
        await connection.connect("127.0.0.1", port, nick)
        await person.wait_for("the welcome", lambda event: event.type == "welcome")
        return person

    async def join(self, channel):
        self.connection.join(channel)
        await self.wait_for("the names", lambda event: event.type == "endofnames" and event.arguments[0] == channel)

    def say(self, target, text):
        self.connection.privmsg(target, text)

    def emote(self, target, text):
        self.connection.action(target, text)

    async def wait_for(self, what, is_meant):
        def found():
            last = [(event.type, str(event.source), event.target, event.arguments) for event in self.events[-10:]]
            assert any(map(is_meant, self.events)), f"{self.nick} saw at last {last}"
            return next(filter(is_meant, self.events))

        return await until(f"{self.nick} to see {what}", found)

    def heard(self, kind, sender, target):
        """Texts of one kind (`pubmsg`, `privmsg`, `action`) that this nick sent to this target, in order."""
        return [
            event.arguments[0]
            for event in self.events
            if event.type == kind and event.source.nick == sender and event.target == target
        ]

    async def hears(self, kind, sender, target, texts):
        """Waits until exactly these were heard, each once, and nothing else."""

        def holds():
            heard = self.heard(kind, sender, target)
            assert heard == texts, f"heard {len(heard)}, at last {heard[-10:]}"
            return True

        await until(f"{self.nick} to hear {texts[-1]!r} last of {len(texts)}", holds)

    async def account_of(self, nick):
        """The account that the network knows somebody by."""
        self.connection.whois([nick])
        reply = await self.wait_for(
            f"the account of {nick}", lambda event: event.type == "whoisaccount" and event.arguments[0] == nick)
        return reply.arguments[1]

    async def sees_kick(self, channel, nick, by, reason):
        await self.wait_for(
            f"{by} kick {nick}",
            lambda event: event.type == "kick" and event.target == channel and event.source.nick == by
            and event.arguments == [nick, reason])

    async def sees_join(self, channel, nick, times=1):
        def joined():
            joins = [event for event in self.events if event.type == "join" and event.target == channel]
            return sum(event.source.nick == nick for event in joins) >= times

        await until(f"{nick} to join {channel}", joined)
