// A bot on grammY lives on the emulator of the Bot API: the same play as telegram_judge.py, on another library.

import assert from "node:assert/strict";

import { Bot, GrammyError, InputFile } from "grammy";

const { url, token, username, chat, user, moved, moved_to, blocked, big_file } = JSON.parse(process.argv[2]);
const bot = new Bot(token, { client: { apiRoot: url } });
const { api } = bot;
const KINDS = ["message", "edited_message", "message_reaction", "my_chat_member", "chat_member"];

async function refused(code, call) {
  try {
    await call;
  } catch (error) {
    assert(error instanceof GrammyError, String(error));
    assert.equal(error.error_code, code, error.description);
    return error;
  }
  assert.fail(`it was to be refused with ${code}`);
}

const extract = (text, entity) => text.slice(entity.offset, entity.offset + entity.length);
let answer, offset;
const seen = new Set();

const plays = {
  async hello(message) {
    assert.equal(extract(message.text, message.entities[0]), "big");
    answer = await api.sendMessage(chat, "🎈 bold and code", {
      entities: [{ type: "bold", offset: 3, length: 4 }, { type: "code", offset: 12, length: 4 }],
      reply_parameters: { message_id: message.message_id },
    });
    assert.equal(answer.reply_to_message.message_id, message.message_id);
    assert.deepEqual(answer.entities.map((entity) => extract(answer.text, entity)), ["bold", "code"]);
    assert.match((await refused(400, api.sendMessage(chat, " "))).description, /message text is empty/);
    await refused(400, api.sendMessage(chat, "a".repeat(4097)));
  },

  async photo(message) {
    const file = await api.getFile(message.photo.at(-1).file_id);
    const data = Buffer.from(await (await fetch(`${url}/file/bot${token}/${file.file_path}`)).arrayBuffer());
    assert.equal(data.toString(), "a picture");
    const sent = await api.sendDocument(chat, new InputFile(data, "copy.jpg"), { caption: "a copy" });
    assert.deepEqual([sent.document.file_name, sent.document.file_size], ["copy.jpg", 9]);
    const group = await api.sendMediaGroup(chat, [
      { type: "photo", media: new InputFile(Buffer.from("one"), "1.jpg"), caption: "both" },
      { type: "photo", media: new InputFile(Buffer.from("two"), "2.jpg") },
    ]);
    assert.equal(new Set(group.map((one) => one.media_group_id)).size, 1);
    await api.editMessageMedia(chat, sent.message_id, {
      type: "document", media: new InputFile(Buffer.from("other"), "o.txt"),
    });
    const voice = await api.sendVoice(chat, new InputFile(Buffer.from("ogg"), "v.ogg"), { duration: 3 });
    assert.equal(voice.voice.duration, 3);
  },

  async others() {
    const place = await api.sendLocation(chat, 1.5, 2.5);
    assert.equal(place.location.latitude, 1.5);
    const contact = await api.sendContact(chat, "+1", "Ann");
    const poll = await api.sendPoll(chat, "well?", [{ text: "yes" }, { text: "no" }]);
    assert.deepEqual(poll.poll.options.map((option) => option.text), ["yes", "no"]);
    await api.sendChatAction(chat, "typing");
    await api.pinChatMessage(chat, place.message_id);
    await api.deleteMessage(chat, contact.message_id);
    await refused(400, api.deleteMessage(chat, contact.message_id));
    assert.equal((await api.getChat(chat)).title, "Harbor");
    const member = await api.getChatMember(chat, user);
    assert.deepEqual([member.status, member.user.first_name], ["creator", "Wilma"]);
    assert.equal(await api.getChatMemberCount(chat), 2);
    assert.equal((await api.getUserProfilePhotos(user)).photos[0][0].width, 160);
  },

  async errors() {
    assert.equal((await refused(429, api.sendMessage(chat, "flood"))).parameters.retry_after, 7);
    assert.equal((await refused(400, api.sendMessage(moved, "x"))).parameters.migrate_to_chat_id, moved_to);
    await refused(403, api.sendMessage(blocked, "x"));
    assert.match((await refused(400, api.sendMessage(-5, "x"))).description, /chat not found/);
    assert.match((await refused(400, api.getFile(big_file))).description, /too big/);
    await refused(401, new Bot("1:nobody", { client: { apiRoot: url } }).api.getMe());
    let isOver = false;
    const first = refused(409, api.getUpdates({ offset, timeout: 30 })).then(() => { isOver = true; });
    while (!isOver) {
      await api.getUpdates({ offset, timeout: 0 });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await first;
    await api.setWebhook("https://example.org/hook");
    await refused(409, api.getUpdates({ timeout: 0 }));
    await api.deleteWebhook();
  },
};

async function handle(update) {
  const { message } = update;
  if (update.edited_message) {
    const edited = await api.editMessageText(chat, answer.message_id, "mended");
    assert.equal(edited.text, "mended");
    const again = await refused(400, api.editMessageText(chat, answer.message_id, "mended"));
    assert.match(again.description, /message is not modified/);
  } else if (update.message_reaction) {
    const { new_reaction, old_reaction, message_id } = update.message_reaction;
    assert.deepEqual([new_reaction.map((one) => one.emoji), old_reaction], [["👍"], []]);
    await api.setMessageReaction(chat, message_id, [{ type: "emoji", emoji: "🔥" }]);
    await refused(400, api.setMessageReaction(chat, message_id, [{ type: "emoji", emoji: "📠" }]));
  } else if (update.my_chat_member) {
    assert.equal(update.my_chat_member.new_chat_member.status, "administrator");
  } else if (update.chat_member) {
    assert.equal(update.chat_member.new_chat_member.status, "member");
    seen.add("chat_member");
  } else if (message.photo) {
    await plays.photo(message);
  } else if (message.text === "end") {
    assert.deepEqual([...seen], ["chat_member"]);
    return true;
  } else if (message.text) {
    await (plays[message.text] ?? plays.hello)(message);
  }
  return false;
}

const me = await api.getMe();
assert.deepEqual([me.username, me.is_bot], [username, true]);
let ended = false;
while (!ended) {
  for (const update of await api.getUpdates({ offset, timeout: 20, allowed_updates: KINDS })) {
    assert(offset === undefined || update.update_id >= offset, "an update that was confirmed came again");
    offset = update.update_id + 1;
    ended = (await handle(update)) || ended;
  }
}
await api.getUpdates({ offset, timeout: 0 });
