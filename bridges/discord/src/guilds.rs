//! Guilds: what of them is remembered, and how they come and go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::{self, Snowflake};
use crate::chats;
use crate::client::Session;

/// By its id.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Guild {
    pub name: String,
    /// names, by id
    pub roles: BTreeMap<u64, String>,
    /// custom emoji by name: id, and whether it moves
    pub emojis: BTreeMap<String, (Snowflake, bool)>,
}

fn emojis(list: Vec<api::Emoji>) -> BTreeMap<String, (Snowflake, bool)> {
    list.into_iter().filter_map(|emoji| Some((emoji.name?, (emoji.id?, emoji.animated)))).collect()
}

impl Session {
    /// The bot is in a guild, from now on or still; the list of its channels is whole.
    pub fn on_guild(&mut self, guild: api::Guild) {
        let id = guild.id;
        let row = Guild {
            name: guild.name,
            roles: guild.roles.into_iter().map(|role| (role.id.0, role.name)).collect(),
            emojis: emojis(guild.emojis),
        };
        self.put_guild(id, row);
        let listed: Vec<Snowflake> = guild.channels.iter().map(|channel| channel.id).collect();
        let mut behind = Vec::new();
        for channel in guild.channels.into_iter().chain(guild.threads) {
            let (channel_id, last) = (channel.id, channel.last_message_id.unwrap_or_default());
            self.note_channel(channel, Some(id));
            if self.channels.get(&channel_id.to_string()).is_some_and(|row| row.seen < last) {
                behind.push(channel_id);
            }
        }
        // Deleted while nobody listened. Threads that sleep are not listed.
        for key in self.channels.keys() {
            let Some(row) = self.channels.get(&key) else { continue };
            let channel: Snowflake = key.parse().unwrap_or_default();
            if row.guild == Some(id) && !chats::is_thread(row.kind) && !listed.contains(&channel) {
                self.drop_channel(channel);
            }
        }
        for channel in behind {
            self.catch_up(channel);
        }
    }

    /// Its name, roles or emoji changed.
    fn put_guild(&mut self, id: Snowflake, row: Guild) {
        let key = id.to_string();
        let before = self.guilds.get(&key);
        if before == Some(&row) {
            return;
        }
        let is_renamed = before.is_some_and(|before| before.name != row.name);
        self.guilds.insert(&key, row);
        if is_renamed {
            let of_it =
                |(key, row): (&str, &chats::Channel)| (row.guild == Some(id)).then(|| key.parse().ok()).flatten();
            let channels: Vec<Snowflake> = self.channels.iter().filter_map(of_it).collect();
            channels.into_iter().for_each(|channel| self.tell_chat(channel));
        }
    }

    /// Without its channels.
    pub fn on_guild_change(&mut self, guild: api::Guild) {
        let row = Guild {
            name: guild.name,
            roles: guild.roles.into_iter().map(|role| (role.id.0, role.name)).collect(),
            emojis: emojis(guild.emojis),
        };
        self.put_guild(guild.id, row);
    }

    pub fn on_role(&mut self, part: api::GuildPart, is_gone: bool) {
        let Some(mut row) = self.guilds.get(&part.guild_id.to_string()).cloned() else { return };
        match is_gone {
            true => _ = row.roles.remove(&part.role_id.0),
            false => _ = row.roles.insert(part.role.id.0, part.role.name),
        }
        self.put_guild(part.guild_id, row);
    }

    pub fn on_emojis(&mut self, part: api::GuildPart) {
        let Some(mut row) = self.guilds.get(&part.guild_id.to_string()).cloned() else { return };
        row.emojis = emojis(part.emojis);
        self.put_guild(part.guild_id, row);
    }

    /// The bot is out of a guild; or Discord has lost it for the moment, which changes nothing.
    pub fn on_guild_gone(&mut self, guild: &api::Guild) {
        if guild.unavailable {
            return;
        }
        for key in self.channels.keys() {
            if self.channels.get(&key).is_some_and(|row| row.guild == Some(guild.id)) {
                self.drop_channel(key.parse().unwrap_or_default());
            }
        }
        self.guilds.remove(&guild.id.to_string());
    }
}
