"""A bot on aiogram, which checks every shape that it is given, lives on the emulator of the Bot API.

It does what the texts of a person in its group say, and ends with `end`."""

import asyncio
import io
import json
import sys

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    InputMediaDocument,
    InputMediaPhoto,
    InputPollOption,
    MessageEntity,
    ReactionTypeEmoji,
    ReplyParameters,
)

KINDS = ["message", "edited_message", "message_reaction", "my_chat_member", "chat_member"]


def api(url, token):
    return Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(url)))


async def refused(kind, call):
    try:
        await call
    except kind as error:
        return error
    raise SystemExit(f"it was to be refused with {kind.__name__}")


class Judge:
    def __init__(self, arguments):
        self.arguments = arguments
        self.bot = api(arguments["url"], arguments["token"])
        self.chat = arguments["chat"]
        self.answer = None
        self.offset = None
        self.seen = set()

    async def hello(self, message):
        [bold] = message.entities
        assert (bold.type, bold.extract_from(message.text)) == ("bold", "big"), message
        self.answer = await self.bot.send_message(
            self.chat, "\N{BALLOON} bold and code",
            entities=[MessageEntity(type="bold", offset=3, length=4), MessageEntity(type="code", offset=12, length=4)],
            reply_parameters=ReplyParameters(message_id=message.message_id))
        assert self.answer.reply_to_message.message_id == message.message_id
        assert [entity.extract_from(self.answer.text) for entity in self.answer.entities] == ["bold", "code"]
        error = await refused(TelegramBadRequest, self.bot.send_message(self.chat, " "))
        assert "message text is empty" in str(error)
        await refused(TelegramBadRequest, self.bot.send_message(self.chat, "a" * 4097))

    async def photo(self, message):
        held = io.BytesIO()
        await self.bot.download(message.photo[-1], destination=held)
        assert held.getvalue() == b"a picture", held.getvalue()
        sent = await self.bot.send_document(
            self.chat, BufferedInputFile(held.getvalue(), filename="copy.jpg"), caption="a copy")
        assert sent.document.file_name == "copy.jpg" and sent.document.file_size == 9
        group = await self.bot.send_media_group(self.chat, [
            InputMediaPhoto(media=BufferedInputFile(b"one", filename="1.jpg"), caption="both"),
            InputMediaPhoto(media=BufferedInputFile(b"two", filename="2.jpg")),
        ])
        assert len({one.media_group_id for one in group}) == 1 and len(group) == 2
        await self.bot.edit_message_media(
            InputMediaDocument(media=BufferedInputFile(b"other", filename="o.txt")), chat_id=self.chat,
            message_id=sent.message_id)
        voice = await self.bot.send_voice(self.chat, BufferedInputFile(b"ogg", filename="v.ogg"), duration=3)
        assert voice.voice.duration == 3

    async def edited(self, message):
        assert message.edit_date
        edited = await self.bot.edit_message_text("mended", chat_id=self.chat, message_id=self.answer.message_id)
        assert edited.text == "mended" and edited.edit_date
        again = self.bot.edit_message_text("mended", chat_id=self.chat, message_id=self.answer.message_id)
        assert "message is not modified" in str(await refused(TelegramBadRequest, again))

    async def reaction(self, update):
        assert [one.emoji for one in update.new_reaction] == ["\N{THUMBS UP SIGN}"] and update.old_reaction == []
        await self.bot.set_message_reaction(
            self.chat, update.message_id, reaction=[ReactionTypeEmoji(emoji="\N{FIRE}")])
        nonsense = self.bot.set_message_reaction(
            self.chat, update.message_id, reaction=[ReactionTypeEmoji(emoji="\N{FAX MACHINE}")])
        assert "REACTION_INVALID" in str(await refused(TelegramBadRequest, nonsense))

    async def others(self):
        chat = self.chat
        place = await self.bot.send_location(chat, latitude=1.5, longitude=2.5)
        assert place.location.latitude == 1.5
        contact = await self.bot.send_contact(chat, phone_number="+1", first_name="Ann")
        assert contact.contact.first_name == "Ann"
        options = [InputPollOption(text="yes"), InputPollOption(text="no")]
        assert [one.text for one in (await self.bot.send_poll(chat, "well?", options=options)).poll.options] == ["yes", "no"]
        assert await self.bot.send_chat_action(chat, "typing")
        assert await self.bot.pin_chat_message(chat, place.message_id)
        assert await self.bot.delete_message(chat, contact.message_id)
        await refused(TelegramBadRequest, self.bot.delete_message(chat, contact.message_id))
        full = await self.bot.get_chat(chat)
        assert full.title == "Harbor" and full.type == "supergroup", full
        member = await self.bot.get_chat_member(chat, self.arguments["user"])
        assert member.status == "creator" and member.user.first_name == "Wilma", member
        assert await self.bot.get_chat_member_count(chat) == 2
        photos = await self.bot.get_user_profile_photos(self.arguments["user"])
        assert photos.total_count == 1 and photos.photos[0][0].width == 160

    async def errors(self):
        arguments = self.arguments
        assert (await refused(TelegramRetryAfter, self.bot.send_message(self.chat, "flood"))).retry_after == 7
        moved = await refused(TelegramMigrateToChat, self.bot.send_message(arguments["moved"], "x"))
        assert moved.migrate_to_chat_id == arguments["moved_to"], moved
        await refused(TelegramForbiddenError, self.bot.send_message(arguments["blocked"], "x"))
        assert "chat not found" in str(await refused(TelegramBadRequest, self.bot.send_message(-5, "x")))
        assert "too big" in str(await refused(TelegramBadRequest, self.bot.get_file(arguments["big_file"])))
        stranger = api(arguments["url"], "1:nobody")
        await refused(TelegramUnauthorizedError, stranger.get_me())
        await stranger.session.close()
        # The older of two polls is ended by the newer.
        waiting = self.bot.get_updates(offset=self.offset, timeout=30)
        first = asyncio.create_task(refused(TelegramConflictError, waiting))
        while not first.done():
            await self.bot.get_updates(offset=self.offset, timeout=0)
            await asyncio.sleep(0.05)
        await first
        await self.bot.set_webhook("https://example.org/hook")
        await refused(TelegramConflictError, self.bot.get_updates(timeout=0))
        await self.bot.delete_webhook()

    async def handle(self, update):
        message = update.message
        if update.edited_message:
            await self.edited(update.edited_message)
        elif update.message_reaction:
            await self.reaction(update.message_reaction)
        elif update.my_chat_member:
            assert update.my_chat_member.new_chat_member.status == "administrator"
        elif update.chat_member:
            assert update.chat_member.new_chat_member.status == "member"
            self.seen.add("chat_member")
        elif message.photo:
            await self.photo(message)
        elif message.text == "end":
            assert self.seen == {"chat_member"}, self.seen
            return True
        elif message.text:
            await {"others": self.others, "errors": self.errors}.get(message.text, lambda: self.hello(message))()
        return False

    async def run(self):
        me = await self.bot.get_me()
        assert me.username == self.arguments["username"] and me.is_bot, me
        ended = False
        while not ended:
            for update in await self.bot.get_updates(offset=self.offset, timeout=20, allowed_updates=KINDS):
                assert self.offset is None or update.update_id >= self.offset, "what was confirmed came again"
                self.offset = update.update_id + 1
                ended = await self.handle(update) or ended
        await self.bot.get_updates(offset=self.offset, timeout=0)
        await self.bot.session.close()


asyncio.run(Judge(json.loads(sys.argv[1])).run())
