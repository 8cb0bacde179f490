// A bot on discord.js lives on the emulator of Discord. It does what the texts of a person in its channel say, and ends with
// `end`.

import assert from "node:assert/strict";

import { Client, DiscordAPIError, Events, GatewayIntentBits, Partials } from "discord.js";

const { url, token, channel: place, guild: home, user, emoji } = JSON.parse(process.argv[2]);
const { Guilds, GuildMembers, GuildMessages, GuildMessageReactions, GuildMessageTyping, MessageContent } = GatewayIntentBits;
const client = new Client({
  intents: [Guilds, GuildMembers, GuildMessages, GuildMessageReactions, GuildMessageTyping, MessageContent],
  partials: [Partials.Message, Partials.Reaction],
  rest: { api: `${url}/api` },
});

function fail(error) {
  console.error(error);
  process.exit(1);
}
process.on("unhandledRejection", fail);

async function refused(code, call) {
  try {
    await call;
  } catch (error) {
    assert(error instanceof DiscordAPIError, String(error));
    assert.equal(error.code, code, error.message);
    return;
  }
  assert.fail(`it was to be refused with ${code}`);
}

let channel;
const plays = {
  async hello(message) {
    const answer = await message.reply({ content: "**bold** and `code`", allowedMentions: { repliedUser: false } });
    assert.equal(answer.reference.messageId, message.id);
    assert.equal((await answer.edit("mended")).content, "mended");
    await refused(50006, channel.send({ content: "", embeds: [] }));
    await refused(50035, channel.send("a".repeat(2001)));
    await refused(10003, client.channels.fetch("5"));
    await refused(10008, channel.messages.delete("5"));
    await refused(50005, client.rest.patch(`/channels/${place}/messages/${message.id}`, { body: { content: "x" } }));
    // The same nonce is the same message.
    const first = await channel.send({ content: "once", nonce: "n-1", enforceNonce: true });
    const second = await channel.send({ content: "once", nonce: "n-1", enforceNonce: true });
    assert.equal(first.id, second.id);
    await first.delete();
    for (const one of ["🔥", "👍", "🎈", `fish:${emoji}`]) await message.react(one);
    await message.reactions.cache.find((one) => one.emoji.name === "🎈").users.remove(client.user);
    const shown = await client.rest.get(`/channels/${place}/messages/${message.id}`);
    assert.deepEqual(shown.reactions.map((one) => [one.emoji.name, one.me]), [["🔥", true], ["👍", true], ["fish", true]]);
    await channel.sendTyping();
  },

  async file(message) {
    const held = message.attachments.first();
    assert.deepEqual([held.name, held.contentType, held.width], ["p.png", "image/png", 640]);
    const data = Buffer.from(await (await fetch(held.url)).arrayBuffer());
    assert.equal(data.toString(), "a picture");
    assert.equal((await fetch(held.url.split("?")[0])).status, 404);
    const sent = await channel.send({ content: "a copy", files: [
      { attachment: data, name: "copy.png" }, { attachment: Buffer.from("two"), name: "2.txt" },
    ] });
    assert.deepEqual(sent.attachments.map((one) => [one.name, one.size]), [["copy.png", 9], ["2.txt", 3]]);
    await sent.delete();
    await refused(40005, channel.send({ files: [{ attachment: Buffer.alloc((10 << 20) + 1), name: "film.mkv" }] }));
  },

  async others(message) {
    const webhook = await channel.createWebhook({ name: "relay" });
    const said = await webhook.send({ content: "as Ann", username: "Ann", avatarURL: "https://example.org/ann.png" });
    assert.deepEqual([said.author.username, said.webhookId], ["Ann", webhook.id]);
    assert.equal((await webhook.editMessage(said, "as Ann again")).content, "as Ann again");
    await webhook.deleteMessage(said);
    await refused(50035, webhook.send({ content: "x", username: "My Discord" }));
    const thread = await message.startThread({ name: "Ropes" });
    assert.deepEqual([thread.name, thread.parentId], ["Ropes", place]);
    assert.equal((await thread.send("in the thread")).channelId, thread.id);
    await (await client.users.createDM(user)).send("between us");
    const guild = client.guilds.cache.get(home);
    assert.equal((await guild.members.fetch({ user, force: true })).displayName, "Wilma");
    assert.equal((await guild.members.list({ limit: 100 })).size, 3);
    assert.equal(client.channels.cache.get(place).name, "quay");
    await channel.bulkDelete([await channel.send("one"), await channel.send("two")]);
    await channel.send("others: done");
  },

  async fast() {
    for (let number = 0; number < 5; number++) await channel.send(`fast ${number}`);
  },
};

client.once(Events.ClientReady, async () => {
  channel = await client.channels.fetch(place);
});
client.on(Events.MessageCreate, async (message) => {
  if (message.author.id !== user) return;
  const text = message.content || "file";
  if (text === "end") {
    await channel.send("ended");
    await client.destroy();
  } else if (plays[text]) {
    await plays[text](message);
  } else {
    await message.channel.send(`heard ${text}`);
  }
});
client.on(Events.MessageReactionAdd, async (reaction, by) => {
  if (by.id === user) await channel.send(`reaction ${reaction.emoji.name}`);
});
client.on(Events.MessageUpdate, async (_before, message) => {
  if (message.author?.id === user && message.editedTimestamp) await channel.send(`edit ${message.content}`);
});
client.on(Events.MessageDelete, async (message) => {
  if (message.author?.id === user) await channel.send("deletion seen");
});
client.on(Events.TypingStart, async (typing) => {
  if (typing.user.id === user) await channel.send("typing seen");
});
await client.login(token);
