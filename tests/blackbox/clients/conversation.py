"""One conversation between Matrix and IRC, whatever bridge is between: text, emotes, formatting, names, coming and going,
topics, private messages, and a thousand lines at once each way."""

import time

from waiting import until

CHANNEL = "#harbor"
LINES = [f"line {number}" for number in range(1000)]


async def talk(bridge):
    await words(bridge)
    await names(bridge)
    await coming_and_going(bridge)
    await topics(bridge)
    await private(bridge)
    await burst(bridge)
    await kicked_and_back(bridge)
    await leaving(bridge)


async def words(bridge):
    alice, wilma, room = bridge.alice, bridge.wilma, bridge.room
    before = wilma.heard("pubmsg", bridge.nick, CHANNEL)
    await alice.say(room, "ahoy")
    await wilma.hears("pubmsg", bridge.nick, CHANNEL, [*before, "ahoy"])
    wilma.say(CHANNEL, "hello alice")
    assert (await alice.hears(room, bridge.ghost("wilma"), "hello alice"))["content"]["msgtype"] == "m.text"

    await alice.send(room, {"msgtype": "m.emote", "body": "waves"})
    await wilma.hears("action", bridge.nick, CHANNEL, ["waves"])
    wilma.emote(CHANNEL, "bows")
    assert (await alice.hears(room, bridge.ghost("wilma"), "bows"))["content"]["msgtype"] == "m.emote"

    await alice.send(room, {
        "msgtype": "m.text", "body": "**very** old", "format": "org.matrix.custom.html",
        "formatted_body": "<strong>very</strong> old",
    })
    await wilma.hears("pubmsg", bridge.nick, CHANNEL, [*before, "ahoy", bridge.bold_words])
    wilma.say(CHANNEL, "so \x02bold\x02, so \x1dslanted\x1d")
    html = (await alice.hears(room, bridge.ghost("wilma"), "so bold, so slanted"))["content"]["formatted_body"]
    assert "<b>bold</b>" in html and "<i>slanted</i>" in html, html


async def names(bridge):
    alice, wilma, room = bridge.alice, bridge.wilma, bridge.room
    wilma.connection.nick("wilhelmina")
    await alice.becomes(room, bridge.ghost("wilma"), "leave")
    await bridge.is_renamed()
    joined = await alice.becomes(room, bridge.ghost("wilhelmina"), "join")
    assert joined["content"]["displayname"] == "wilhelmina", joined
    wilma.say(CHANNEL, "it is me")
    await alice.hears(room, bridge.ghost("wilhelmina"), "it is me")
    wilma.connection.nick("wilma")
    await alice.becomes(room, bridge.ghost("wilhelmina"), "leave")
    await bridge.is_renamed()
    await alice.becomes(room, bridge.ghost("wilma"), "join")


async def coming_and_going(bridge):
    alice, wilma, fred, room = bridge.alice, bridge.wilma, bridge.fred, bridge.room
    ghost = bridge.ghost("fred")
    await fred.join(CHANNEL)
    await alice.becomes(room, ghost, "join")
    fred.connection.part([CHANNEL], "supper")
    await alice.becomes(room, ghost, "leave", reason="supper")
    await fred.join(CHANNEL)
    await alice.becomes(room, ghost, "join")
    # Wilma made the channel, so she may.
    wilma.connection.kick(CHANNEL, "fred", "too loud")
    await alice.becomes(room, ghost, "leave", reason="too loud", by=bridge.kicker("wilma"))
    await fred.join(CHANNEL)
    await alice.becomes(room, ghost, "join")
    wilma.connection.mode(CHANNEL, f"+o {bridge.nick}")
    await bridge.is_operator()
    await bridge.kick("fred", "once more")
    await wilma.sees_kick(CHANNEL, "fred", bridge.nick, "once more")
    await alice.becomes(room, ghost, "leave", reason="once more")


async def topics(bridge):
    alice, wilma, room = bridge.alice, bridge.wilma, bridge.room
    wilma.connection.topic(CHANNEL, "ships and tides")
    await alice.sees("her topic", room, lambda event: event["content"].get("topic") == "ships and tides")
    # A linked server takes one change of a topic in a second.
    now = int(time.time())
    await until("the next second", lambda: int(time.time()) > now)
    await bridge.set_topic("tides only")
    await wilma.wait_for(
        "alice's topic",
        lambda event: event.type == "topic" and event.source.nick == bridge.nick and event.arguments == ["tides only"])
    await alice.sees("it", room, lambda event: event["content"].get("topic") == "tides only")


async def private(bridge):
    alice, wilma, fred = bridge.alice, bridge.wilma, bridge.fred
    wilma.say(bridge.nick, "between us")
    room = await bridge.private_room("wilma", "between us")
    await alice.hears(room, bridge.ghost("wilma"), "between us")
    await alice.say(room, "certainly")
    await wilma.hears("privmsg", bridge.nick, "wilma", ["certainly"])
    room = await bridge.open_private("fred")
    await alice.say(room, "and you?")
    await fred.hears("privmsg", bridge.nick, "fred", ["and you?"])
    fred.say(bridge.nick, "me too")
    await alice.hears(room, bridge.ghost("fred"), "me too")


async def burst(bridge):
    """In order, none lost, none doubled; a bridge may join lines that come together into one message."""
    alice, wilma, room = bridge.alice, bridge.wilma, bridge.room
    ghost = bridge.ghost("wilma")
    for line in LINES:
        wilma.say(CHANNEL, line)

    async def arrived():
        events = await alice.history(room)
        said = [event for event in events if event["sender"] == ghost and event["type"] == "m.room.message"]
        lines = [line for event in said for line in event["content"]["body"].split("\n") if line.startswith("line ")]
        assert lines and lines[-1] == LINES[-1], f"{len(lines)} lines, the last is {lines[-1:]}"
        return lines

    lines = await until("the burst from IRC", arrived)
    assert lines == LINES, f"{len(lines)} lines: {[pair for pair in zip(lines, LINES) if pair[0] != pair[1]][:5]}"

    before = wilma.heard("pubmsg", bridge.nick, CHANNEL)
    for line in LINES:
        await alice.say(room, line)
    await wilma.hears("pubmsg", bridge.nick, CHANNEL, before + LINES)


async def kicked_and_back(bridge):
    bridge.wilma.connection.kick(CHANNEL, bridge.nick, "that was a lot")
    await bridge.is_kicked("wilma", "that was a lot")
    await bridge.rejoin()
    await bridge.wilma.sees_join(CHANNEL, bridge.nick, times=2)
    before = bridge.wilma.heard("pubmsg", bridge.nick, CHANNEL)
    await bridge.alice.say(bridge.room, "sorry")
    await bridge.wilma.hears("pubmsg", bridge.nick, CHANNEL, before + ["sorry"])


async def leaving(bridge):
    await bridge.alice.client.room_leave(bridge.room)
    await bridge.wilma.wait_for(
        "alice's part",
        lambda event: event.type == "part" and event.source.nick == bridge.nick and event.target == CHANNEL)
