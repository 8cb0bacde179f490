"""A bot on hikari, which reads every shape that it is given, lives on the emulator of Discord, over a zlib stream.

It does what the texts of a person in its channel say, and ends with `end`."""

import asyncio
import json
import sys

import hikari

ARGUMENTS = json.loads(sys.argv[1])
CHANNEL, GUILD, USER = (int(ARGUMENTS[key]) for key in ("channel", "guild", "user"))
INTENTS = hikari.Intents.ALL_UNPRIVILEGED | hikari.Intents.MESSAGE_CONTENT | hikari.Intents.GUILD_MEMBERS

bot = hikari.GatewayBot(
    ARGUMENTS["token"], rest_url=f"{ARGUMENTS['url']}/api/v10", intents=INTENTS, banner=None, logs="WARNING")
failed = []
greeting = None


async def refused(kind, code, call):
    try:
        await call
    except kind as error:
        assert error.code == code, error
        return
    raise AssertionError(f"it was to be refused with {kind.__name__}")


async def hello(message):
    global greeting
    greeting = message.id
    answer = await bot.rest.create_message(CHANNEL, "**bold** and `code`", reply=message, mentions_reply=False)
    assert answer.referenced_message.id == message.id and answer.type == hikari.MessageType.REPLY
    edited = await bot.rest.edit_message(CHANNEL, answer, "mended")
    assert edited.content == "mended" and edited.edited_timestamp
    await refused(hikari.BadRequestError, 50006, bot.rest.create_message(CHANNEL, ""))
    await refused(hikari.BadRequestError, 50035, bot.rest.create_message(CHANNEL, "a" * 2001))
    await refused(hikari.NotFoundError, 10003, bot.rest.create_message(5, "x"))
    await refused(hikari.NotFoundError, 10008, bot.rest.delete_message(CHANNEL, 5))
    await refused(hikari.ForbiddenError, 50005, bot.rest.edit_message(CHANNEL, message, "x"))
    for emoji in ("🔥", "👍", "🎈"):
        await bot.rest.add_reaction(CHANNEL, message, emoji)
    await bot.rest.add_reaction(CHANNEL, message, "fish", int(ARGUMENTS["emoji"]))
    await bot.rest.delete_my_reaction(CHANNEL, message, "🎈")
    shown = await bot.rest.fetch_message(CHANNEL, message)
    assert {str(reaction.emoji.name): reaction.is_me for reaction in shown.reactions} == {
        "🔥": True, "👍": True, "fish": True}, shown.reactions
    await bot.rest.trigger_typing(CHANNEL)


async def file(message):
    [held] = message.attachments
    data = await held.read()
    assert (data, held.filename, held.media_type, held.width) == (b"a picture", "p.png", "image/png", 640), held
    sent = await bot.rest.create_message(
        CHANNEL, "a copy", attachments=[hikari.Bytes(data, "copy.png"), hikari.Bytes(b"two", "2.txt")])
    assert [(one.filename, one.size) for one in sent.attachments] == [("copy.png", 9), ("2.txt", 3)]
    await bot.rest.delete_message(CHANNEL, sent)
    large = hikari.Bytes(b"x" * ((10 << 20) + 1), "film.mkv")
    # Of a status that it has no class for it reads no code.
    await refused(hikari.ClientHTTPResponseError, 0, bot.rest.create_message(CHANNEL, attachment=large))


async def others(message):
    webhook = await bot.rest.create_webhook(CHANNEL, "relay")
    said = await bot.rest.execute_webhook(
        webhook, webhook.token, "as Ann", username="Ann", avatar_url="https://example.org/ann.png")
    assert said.author.username == "Ann" and said.webhook_id == webhook.id, said
    changed = await bot.rest.edit_webhook_message(webhook, webhook.token, said, "as Ann again")
    assert changed.content == "as Ann again"
    await bot.rest.delete_webhook_message(webhook, webhook.token, said)
    await refused(hikari.BadRequestError, 50035, bot.rest.execute_webhook(
        webhook, webhook.token, "x", username="My Discord"))
    thread = await bot.rest.create_message_thread(CHANNEL, message, "Ropes")
    assert thread.name == "Ropes" and thread.parent_id == CHANNEL
    within = await bot.rest.create_message(thread, "in the thread")
    assert within.channel_id == thread.id
    private = await bot.rest.create_dm_channel(USER)
    await bot.rest.create_message(private, "between us")
    member = await bot.rest.fetch_member(GUILD, USER)
    assert member.display_name == "Wilma", member
    names = [one.display_name async for one in bot.rest.fetch_members(GUILD)]
    assert "Wilma" in names and len(names) == 3, names
    channel = await bot.rest.fetch_channel(CHANNEL)
    assert channel.name == "quay" and channel.guild_id == GUILD
    history = [one.id async for one in bot.rest.fetch_messages(CHANNEL, after=message.id)]
    assert history == sorted(history), history
    await bot.rest.delete_messages(CHANNEL, [
        await bot.rest.create_message(CHANNEL, "one"), await bot.rest.create_message(CHANNEL, "two")])
    await bot.rest.create_message(CHANNEL, "others: done")


async def fast(_message):
    # More than the limits allow at once: the library waits as it is told.
    for number in range(5):
        await bot.rest.create_message(CHANNEL, f"fast {number}")


@bot.listen()
async def on_message(event: hikari.MessageCreateEvent):
    if event.message.author.id != USER:
        return
    text = event.message.content or "file"
    plays = {"hello": hello, "file": file, "others": others, "fast": fast}
    try:
        if text == "end":
            await bot.rest.create_message(CHANNEL, "ended")
            asyncio.create_task(bot.close())
        elif text in plays:
            await plays[text](event.message)
        else:
            await bot.rest.create_message(event.channel_id, f"heard {text}")
    except BaseException as error:
        failed.append(error)
        await bot.close()
        raise


@bot.listen()
async def on_reaction(event: hikari.GuildReactionAddEvent):
    if event.user_id == USER:
        await bot.rest.create_message(CHANNEL, f"reaction {event.emoji_name}")


@bot.listen()
async def on_edit(event: hikari.GuildMessageUpdateEvent):
    if event.author_id == USER and event.message.edited_timestamp:
        await bot.rest.create_message(CHANNEL, f"edit {event.message.content}")


@bot.listen()
async def on_delete(event: hikari.GuildMessageDeleteEvent):
    if event.message_id == greeting:
        await bot.rest.create_message(CHANNEL, "deletion seen")


@bot.listen()
async def on_typing(event: hikari.GuildTypingEvent):
    if event.user_id == USER:
        await bot.rest.create_message(CHANNEL, "typing seen")


bot.run(check_for_updates=False, enable_signal_handlers=False)
if failed:
    raise SystemExit(repr(failed[0]))
