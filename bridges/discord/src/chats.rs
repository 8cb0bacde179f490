//! Channels, threads and private chats: their rows, their portals, and what the engine asks about them.

use causeway_sdk::remote::{ChatKind, Member, Membership};
use causeway_sdk::{ChatInfo, Error, ErrorKind, GhostInfo, PortalKey, RemoteEvent, RemoteKind, Resolved, matrix, time};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{self, Snowflake, User};
use crate::call::Call;
use crate::catch_up::CatchUp;
use crate::client::Session;
use crate::id;

/// Discord's numbers of kinds.
pub const TEXT: u64 = 0;
const DM: u64 = 1;
const CATEGORY: u64 = 4;
const ANNOUNCEMENTS: u64 = 5;
const PRIVATE_THREAD: u64 = 12;
const FORUM: u64 = 15;
const MEDIA_FORUM: u64 = 16;

pub fn is_thread(kind: u64) -> bool {
    (10..=PRIVATE_THREAD).contains(&kind)
}

/// By its id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    pub kind: u64,
    /// none: private
    pub guild: Option<Snowflake>,
    pub name: String,
    pub topic: String,
    /// of a thread
    pub parent: Option<Snowflake>,
    /// of a private chat: who is at the other end
    pub recipient: Option<Snowflake>,
    /// of a thread: the message that it begins with, where that is not the one with the thread's own id
    pub root: Option<String>,
    /// the newest message that was taken
    pub seen: Snowflake,
    /// messages behind it are being asked for
    pub catching_up: Option<CatchUp>,
}

/// Where what is said in a channel belongs.
pub struct Place {
    pub portal: PortalKey,
    pub thread_root: Option<String>,
}

impl Session {
    pub fn channel(&self, channel: Snowflake) -> Option<&Channel> {
        self.channels.get(&channel.to_string())
    }

    /// A thread is a thread in its channel's room. The posts of a forum, and private threads, whose channel has others in it,
    /// have rooms of their own.
    fn is_in_parents_room(&self, row: &Channel) -> bool {
        let parent = row.parent.and_then(|parent| self.channel(parent));
        is_thread(row.kind)
            && row.kind != PRIVATE_THREAD
            && parent.is_some_and(|parent| !matches!(parent.kind, FORUM | MEDIA_FORUM))
    }

    pub fn place(&self, channel: Snowflake) -> Place {
        match self.channel(channel) {
            Some(row) if self.is_in_parents_room(row) => {
                let parent = row.parent.unwrap_or_default();
                let root = row.root.clone().unwrap_or_else(|| id::message(parent, channel));
                Place { portal: PortalKey { id: parent.to_string(), receiver: None }, thread_root: Some(root) }
            }
            row => {
                let is_private = row.is_some_and(|row| row.guild.is_none());
                let receiver = is_private.then(|| self.login.clone());
                Place { portal: PortalKey { id: channel.to_string(), receiver }, thread_root: None }
            }
        }
    }

    /// The thread that a message is the root of, if there is one, and whether there may be.
    pub fn thread_of(&self, root: &str) -> (Option<Snowflake>, bool) {
        let Some((channel, message)) = id::parse_message(root) else { return (None, false) };
        let is_its = |(key, row): (&str, &Channel)| {
            let thread: Snowflake = key.parse().ok()?;
            let is_root = row.root.as_deref() == Some(root) || row.root.is_none() && thread == message;
            (is_thread(row.kind) && row.parent == Some(channel) && is_root).then_some(thread)
        };
        let may_have = self.channel(channel).is_some_and(|row| matches!(row.kind, TEXT | ANNOUNCEMENTS));
        (self.channels.iter().find_map(is_its), may_have)
    }

    /// Remembers a channel as Discord shows it. What was said in one that is new is not asked for.
    pub fn note_channel(&mut self, channel: api::Channel, guild: Option<Snowflake>) {
        if channel.kind == CATEGORY {
            return;
        }
        let key = channel.id.to_string();
        let before = self.channels.get(&key).cloned();
        let known = before
            .clone()
            .unwrap_or_else(|| Channel { seen: channel.last_message_id.unwrap_or_default(), ..Channel::default() });
        let recipient = channel.recipients.first().map(|user| user.id);
        let row = Channel {
            kind: channel.kind,
            guild: channel.guild_id.or(guild).or(known.guild),
            name: channel.name.unwrap_or_default(),
            topic: channel.topic.unwrap_or_default(),
            parent: channel.parent_id.filter(|_| is_thread(channel.kind)),
            recipient: recipient.or(known.recipient),
            ..known
        };
        if before.as_ref() == Some(&row) {
            return;
        }
        let shows = |row: &Channel| (row.name.clone(), row.topic.clone());
        let is_shown_otherwise = before.is_some_and(|before| shows(&before) != shows(&row));
        self.channels.insert(&key, row);
        if is_shown_otherwise {
            self.tell_chat(channel.id);
        }
    }

    /// A channel that an event names and no other has shown.
    pub fn ensure_channel(
        &mut self,
        channel: Snowflake,
        guild: Option<Snowflake>,
        before: Snowflake,
        with: Option<&User>,
    ) {
        if self.channel(channel).is_some() {
            return;
        }
        let seen = Snowflake(before.0.saturating_sub(1));
        if guild.is_none() {
            let row = Channel { kind: DM, recipient: with.map(|user| user.id), seen, ..Channel::default() };
            return self.channels.insert(&channel.to_string(), row);
        }
        match self.send::<api::Channel>(&Call::get(format!("/channels/{channel}"))) {
            Ok(found) => {
                self.note_channel(api::Channel { last_message_id: Some(seen), ..found }, guild);
            }
            // It is heard, so it is there, whatever its name is.
            Err(_) => self.channels.insert(&channel.to_string(), Channel { guild, seen, ..Channel::default() }),
        }
    }

    /// It is no more, or not for the bot.
    pub fn drop_channel(&mut self, channel: Snowflake) {
        let Place { portal, thread_root } = self.place(channel);
        if self.channels.remove(&channel.to_string()).is_none() || thread_root.is_some() {
            return;
        }
        let event = RemoteEvent {
            key: self.own_key(),
            sender: id::nobody(),
            at: time::now(),
            order: 0,
            create_portal: false,
            kind: RemoteKind::ChatDeleted,
            portal,
        };
        self.submit(event);
    }

    /// Submits what is known of a channel, where it has a room.
    pub fn tell_chat(&mut self, channel: Snowflake) {
        let Place { portal, thread_root } = self.place(channel);
        if thread_root.is_some() {
            return;
        }
        let event = RemoteEvent {
            key: self.own_key(),
            sender: id::nobody(),
            at: time::now(),
            order: 0,
            create_portal: false,
            kind: RemoteKind::ChatInfo(self.info_of(channel)),
            portal,
        };
        self.submit(event);
    }

    /// `#quay (Harbor)`; a forum's post: `Ropes (Harbor #forum)`.
    fn title(&self, row: &Channel) -> Option<String> {
        let guild = row.guild.and_then(|guild| self.guilds.get(&guild.to_string())).map(|guild| guild.name.as_str());
        let name = Some(row.name.as_str()).filter(|name| !name.is_empty())?;
        let guild = guild.unwrap_or("Discord");
        Some(match row.parent.and_then(|parent| self.channel(parent)) {
            Some(parent) => format!("{name} ({guild} #{})", parent.name),
            None => format!("#{name} ({guild})"),
        })
    }

    pub fn info_of(&self, channel: Snowflake) -> ChatInfo {
        let row = self.channel(channel).cloned().unwrap_or_default();
        let other = row.recipient.filter(|_| row.guild.is_none());
        let member = |recipient: Snowflake| Member {
            who: id::ghost(&recipient.to_string()),
            membership: Membership::Join,
            power: None,
            nick: None,
            reason: None,
        };
        ChatInfo {
            kind: match (row.guild, row.parent) {
                (None, _) => ChatKind::Dm,
                (Some(_), Some(_)) => ChatKind::Thread,
                (Some(_), None) => ChatKind::Channel,
            },
            // A private chat is called after who is in it.
            name: row.guild.and_then(|_| self.title(&row)),
            topic: row.guild.map(|_| row.topic.clone()).filter(|topic| !topic.is_empty()),
            avatar: None,
            parent: None,
            members: other.map(|recipient| vec![member(recipient)]),
            members_complete: false,
            disappear_after_ms: None,
            can_backfill: false,
            join_rule: None,
            extra: None,
        }
    }

    pub fn chat_info(&self, portal: &PortalKey) -> Result<ChatInfo, Error> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("the bot sees no channel {}", portal.id));
        let channel = portal.id.parse().map_err(|_| unknown())?;
        self.channel(channel).ok_or_else(unknown)?;
        Ok(self.info_of(channel))
    }

    /// A channel by its address, id, `#name` or `Guild/#name`; a person by id.
    pub fn resolve(&mut self, identifier: &str, create_dm: bool) -> Result<Resolved, Error> {
        let text = identifier.trim().trim_start_matches("https://discord.com/channels/");
        let text = text.trim_matches(['<', '>']).trim_start_matches(['@', '!']).trim_end_matches('/');
        let last = text.rsplit('/').next().unwrap_or_default().trim_start_matches('#');
        let number: Option<Snowflake> = last.parse().ok();
        let nobody = GhostInfo { id: String::new(), name: None, avatar: None, is_bot: false, identifiers: Vec::new() };
        let found = number.filter(|number| self.channel(*number).is_some()).or_else(|| self.named(text));
        if let Some(channel) = found {
            let chat = Some(self.place(channel).portal);
            return Ok(Resolved { ghost: nobody, chat, info: Some(self.info_of(channel)) });
        }
        let Some(number) = number else {
            let text = format!("the bot sees no single channel {identifier:?}; give its address, or Server/#name");
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let refused = |failure: crate::call::Failure| {
            Error::new(
                ErrorKind::NotFound,
                format!("Discord shows the bot nobody and no channel {number}: {}", failure.text()),
            )
        };
        let user: User = self.send(&Call::get(format!("/users/{number}"))).map_err(refused)?;
        self.note_user(&user);
        let ghost = self.ghost_info(&number.to_string());
        if !create_dm {
            return Ok(Resolved { ghost, chat: None, info: None });
        }
        let open = Call::new("POST", "/users/@me/channels", json!({"recipient_id": number}));
        let channel: api::Channel = self.send(&open).map_err(refused)?;
        let channel_id = channel.id;
        self.note_channel(channel, None);
        Ok(Resolved { ghost, chat: Some(self.place(channel_id).portal), info: Some(self.info_of(channel_id)) })
    }

    /// The one channel of this name, in the guild named before it.
    fn named(&self, text: &str) -> Option<Snowflake> {
        let (guild, name) = text.rsplit_once('/').map_or((None, text), |(guild, name)| (Some(guild.trim()), name));
        let name = name.trim().trim_start_matches('#');
        let fits = |(key, row): (&str, &Channel)| {
            let of = row.guild.and_then(|id| self.guilds.get(&id.to_string()))?;
            let is_meant = guild.is_none_or(|guild| of.name.eq_ignore_ascii_case(guild));
            (is_meant && row.name.eq_ignore_ascii_case(name)).then(|| key.parse().ok()).flatten()
        };
        let mut found = self.channels.iter().filter_map(fits);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The address of a channel's room, or on Discord.
    pub fn link_to(&self, channel: Snowflake) -> Option<(String, String)> {
        let row = self.channel(channel)?;
        let name = format!("#{}", row.name);
        if let Some(room) = matrix::portal_of(&self.place(channel).portal) {
            return Some((name, format!("https://matrix.to/#/{room}")));
        }
        Some((name, format!("https://discord.com/channels/{}/{channel}", row.guild?)))
    }
}
