//! Messages and their edits.

use causeway_sdk::content::{self, Body};
use causeway_sdk::remote::{Edit, Member, Membership, NewMessage, Sender};
use causeway_sdk::{MessageRef, PortalKey, RemoteEvent, RemoteKind, matrix, time};

use crate::api::{Message, Snowflake};
use crate::chats::Place;
use crate::client::Session;
use crate::id;
use crate::outbox::{Metadata, metadata_of};

/// A text that answers another.
const REPLY: u64 = 19;

impl Session {
    /// Brings a message into its room.
    ///
    /// # Errors
    /// A file of it can't be had now: try again in so many milliseconds.
    pub fn bring(&mut self, message: Message, is_patient: bool) -> Result<(), u64> {
        if self.is_own(&message) || !self.has_room(message.channel_id) {
            return Ok(());
        }
        let (ghost, is_new) = self.note_speaker(&message);
        message.mentions.iter().for_each(|user| _ = self.note_user(user));
        self.fetch_emoji(message.content.as_deref().unwrap_or_default());
        let sender = id::ghost(&ghost);
        let Place { portal, thread_root } = self.place(message.channel_id);
        let parts = match self.service_parts(&message) {
            Some(parts) => parts,
            None => self.parts(&message, &Metadata::default(), is_patient)?,
        };
        // The beginning of a thread is told by what it begins with.
        if parts.is_empty() {
            return Ok(());
        }
        if is_new {
            self.introduce(&message, &portal, &sender);
        }
        let message_id = id::message(message.channel_id, message.id);
        let kind = RemoteKind::Message(NewMessage {
            id: message_id.clone(),
            message: content::Message { parts, reply_to: answered(&message), thread_root, disappear_after_ms: 0 },
            echo_of: None,
            upsert: false,
        });
        self.submit(event(&message, portal, sender, format!("m {message_id}"), self.config.create_rooms, kind));
        Ok(())
    }

    /// Whether what is said in a channel is brought anywhere.
    fn has_room(&self, channel: Snowflake) -> bool {
        self.config.create_rooms || matrix::portal_of(&self.place(channel).portal).is_some()
    }

    /// What the bot itself has said is known already.
    pub fn is_own(&self, message: &Message) -> bool {
        match message.webhook_id {
            None => message.author.id == self.me.id,
            Some(webhook) => self.is_of_own_webhook(webhook, message.application_id),
        }
    }

    /// The ghost gets its name before it speaks.
    fn introduce(&mut self, message: &Message, portal: &PortalKey, sender: &Sender) {
        let name = self.person(&sender.ghost).name.clone();
        let member =
            Member { who: sender.clone(), membership: Membership::Join, power: None, nick: Some(name), reason: None };
        let key = format!("i {}", message.id);
        let kind = RemoteKind::Members(vec![member]);
        self.submit(event(message, portal.clone(), sender.clone(), key, self.config.create_rooms, kind));
    }

    /// Discord tells of other changes, too, as of the preview of a link: those repeat the time of the last edit.
    pub fn on_edit(&mut self, message: &Message) {
        let Some(edited) = &message.edited_timestamp else { return };
        if message.content.is_none() || self.is_own(message) {
            return;
        }
        let (ghost, _) = self.note_speaker(message);
        message.mentions.iter().for_each(|user| _ = self.note_user(user));
        self.fetch_emoji(message.content.as_deref().unwrap_or_default());
        let target = id::message(message.channel_id, message.id);
        let known = metadata_of(&MessageRef { id: target.clone(), part: None });
        // Files that come with an edit are those that are here already, or are told of.
        let parts = self.parts(message, &known, false).unwrap_or_default();
        let is_there = |id: &String| known.parts.is_empty() || known.parts.contains(id);
        let removed: Vec<String> =
            known.parts.iter().filter(|id| !parts.iter().any(|part| part.id == **id)).cloned().collect();
        let (changed, added): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| is_there(&part.id));
        let says = |body: &Body| match body {
            Body::Text(_) => true,
            Body::Media(media) => media.caption.is_some() || known.has_caption,
            _ => false,
        };
        let changed: Vec<_> = changed.into_iter().filter(|part| part.id.is_empty() && says(&part.body)).collect();
        if changed.is_empty() && added.is_empty() && removed.is_empty() {
            return;
        }
        let key = format!("e {target}:{edited}");
        let kind = RemoteKind::Edit(Edit { target, changed, removed, added });
        let portal = self.place(message.channel_id).portal;
        let mut event = event(message, portal, id::ghost(&ghost), key, false, kind);
        event.at = time::now();
        self.submit(event);
    }
}

fn answered(message: &Message) -> Option<MessageRef> {
    let reference = message.message_reference.as_ref().filter(|_| message.kind == REPLY)?;
    let channel = reference.channel_id.unwrap_or(message.channel_id);
    Some(MessageRef { id: id::message(channel, reference.message_id?), part: None })
}

fn event(
    message: &Message,
    portal: PortalKey,
    sender: Sender,
    key: String,
    create_portal: bool,
    kind: RemoteKind,
) -> RemoteEvent {
    RemoteEvent { portal, sender, at: message.id.millis(), order: message.id.order(), key, create_portal, kind }
}

#[cfg(test)]
mod tests {
    use causeway_sdk::content::Part;
    use causeway_sdk::testing;
    use serde_json::{Value, json};

    use super::*;
    use crate::client::connected;

    fn tell(session: &mut Session, kind: &str, mut data: Value) -> Vec<RemoteEvent> {
        data["guild_id"] = "50".into();
        data["channel_id"] = data.get("channel_id").cloned().unwrap_or_else(|| "60".into());
        assert!(session.on_dispatch(kind, &data.to_string(), 9));
        testing::with(|host| std::mem::take(&mut host.submitted))
    }

    fn said(id: u64, more: Value) -> Value {
        let mut message = json!({"id": id.to_string(), "type": 0, "content": "", "author": {"id": "11", "username": "wilma",
            "global_name": "Wilma"}, "attachments": [], "embeds": [], "mentions": []});
        for (key, value) in more.as_object().unwrap() {
            message[key] = value.clone();
        }
        message
    }

    fn parts(events: Vec<RemoteEvent>) -> Vec<Part> {
        let of = |event: RemoteEvent| match event.kind {
            RemoteKind::Message(message) => message.message.parts,
            RemoteKind::Edit(edit) => edit.changed,
            _ => Vec::new(),
        };
        events.into_iter().flat_map(of).collect()
    }

    fn text(part: &Part) -> (String, Option<String>) {
        match &part.body {
            Body::Text(text) => (text.body.clone(), text.html.clone()),
            Body::Media(media) => (media.uri.clone(), media.caption.as_ref().map(|caption| caption.body.clone())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_speaks_first_is_introduced_and_marks_and_mentions_are_kept() {
        let mut session = connected();
        let more = json!({"content": "**hi** <@7>", "mentions": [{"id": "7", "username": "harbor", "bot": true}]});
        let events = tell(&mut session, "MESSAGE_CREATE", said(100, more));
        assert!(matches!(&events[0].kind, RemoteKind::Members(members) if members[0].nick.as_deref() == Some("Wilma")));
        assert_eq!((events[1].portal.id.as_str(), &events[1].portal.receiver), ("60", &None));
        let parts = parts(events);
        let (body, html) = text(&parts[0]);
        assert_eq!(body, "**hi** @harbor");
        assert_eq!(html.unwrap(), "<strong>hi</strong> <a href=\"https://matrix.to/#/@alice:test\">@harbor</a>");
        assert_eq!(parts[0].mentions.users, ["@alice:test"]);
        assert_eq!(tell(&mut session, "MESSAGE_CREATE", said(101, json!({"content": "again"}))).len(), 1);
    }

    #[test]
    fn what_the_bot_itself_said_is_no_news() {
        let mut session = connected();
        let own = said(100, json!({"content": "hi", "author": {"id": "7", "username": "harbor"}}));
        assert!(tell(&mut session, "MESSAGE_CREATE", own).is_empty());
        assert_eq!(session.channel(Snowflake(60)).unwrap().seen, Snowflake(100));
    }

    #[test]
    fn where_rooms_are_made_only_when_asked_for_nothing_else_is_brought() {
        let mut session = connected();
        std::rc::Rc::get_mut(&mut session.config).unwrap().create_rooms = false;
        assert!(tell(&mut session, "MESSAGE_CREATE", said(100, json!({"content": "hi"}))).is_empty());
        assert!(testing::with(|host| host.ghosts.is_empty()));
        testing::with(|host| host.rooms.insert("60".into(), "!r:test".into()));
        assert_eq!(tell(&mut session, "MESSAGE_CREATE", said(101, json!({"content": "hi"}))).len(), 2);
    }

    #[test]
    fn an_edit_is_told_once_and_the_preview_of_a_link_is_none() {
        let mut session = connected();
        tell(&mut session, "MESSAGE_CREATE", said(100, json!({"content": "see https://x"})));
        let preview = json!({"content": "see https://x", "embeds": [{"type": "link", "title": "X"}]});
        assert!(tell(&mut session, "MESSAGE_UPDATE", said(100, preview)).is_empty());
        let edit = json!({"content": "look", "edited_timestamp": "2026-01-01T00:00:00Z"});
        let first = tell(&mut session, "MESSAGE_UPDATE", said(100, edit.clone()));
        let second = tell(&mut session, "MESSAGE_UPDATE", said(100, edit));
        assert_eq!(first[0].key, second[0].key, "the engine takes a key once");
        assert_eq!(text(&parts(first)[0]).0, "look");
    }

    #[test]
    fn threads_are_threads_in_their_channels_room_and_posts_of_forums_have_their_own() {
        let mut session = connected();
        let thread = json!({"id": "100", "type": 11, "parent_id": "60", "name": "Ropes"});
        tell(&mut session, "THREAD_CREATE", thread);
        let within = tell(&mut session, "MESSAGE_CREATE", said(101, json!({"channel_id": "100", "content": "in it"})));
        let message = within.last().unwrap();
        let RemoteKind::Message(said_in) = &message.kind else { panic!("{message:?}") };
        assert_eq!((message.portal.id.as_str(), said_in.message.thread_root.as_deref()), ("60", Some("60:100")));
        assert_eq!(said_in.id, "100:101");

        tell(&mut session, "CHANNEL_CREATE", json!({"id": "70", "type": 15, "name": "help"}));
        tell(&mut session, "THREAD_CREATE", json!({"id": "200", "type": 11, "parent_id": "70", "name": "Knots"}));
        let post = tell(&mut session, "MESSAGE_CREATE", said(200, json!({"channel_id": "200", "content": "how?"})));
        let message = post.last().unwrap();
        let RemoteKind::Message(said_in) = &message.kind else { panic!("{message:?}") };
        assert_eq!((message.portal.id.as_str(), &said_in.message.thread_root), ("200", &None));
        assert_eq!(session.info_of(Snowflake(200)).name.as_deref(), Some("Knots (Harbor #help)"));
    }

    #[test]
    fn a_file_is_one_part_with_its_caption_and_several_are_parts_behind_the_text() {
        let mut session = connected();
        let file = |id: u64, name: &str| json!({"id": id.to_string(), "filename": name, "size": 5, "content_type": "image/png", "url": format!("http://cdn/{name}")});
        let one = json!({"content": "look", "attachments": [file(1, "a.png")]});
        let one = parts(tell(&mut session, "MESSAGE_CREATE", said(100, one)));
        assert_eq!(one.len(), 1);
        assert_eq!(text(&one[0]), ("mxc://test/a.png".into(), Some("look".into())));
        let two = json!({"content": "both", "attachments": [file(2, "b.png"), file(3, "c.png")]});
        let two = parts(tell(&mut session, "MESSAGE_CREATE", said(101, two)));
        let ids: Vec<&str> = two.iter().map(|part| part.id.as_str()).collect();
        assert_eq!(ids, ["", "2", "3"]);

        // An edit fetches nothing again, and tells which file is gone.
        let metadata = two[0].metadata.clone().unwrap();
        testing::with(|host| {
            host.metadata.insert("60:101".into(), metadata);
            host.requests.clear();
        });
        let edit = json!({"content": "one", "edited_timestamp": "x", "attachments": [file(2, "b.png")]});
        let edit = tell(&mut session, "MESSAGE_UPDATE", said(101, edit));
        let RemoteKind::Edit(edit) = &edit[0].kind else { panic!("{edit:?}") };
        // With one file left the text would be its caption; the parts stay what they were.
        assert_eq!(edit.removed, ["3"]);
        assert_eq!(edit.changed.len(), 1);
        assert!(testing::with(|host| host.requests.is_empty()));
    }

    #[test]
    fn reactions_and_deletions_name_their_message() {
        let mut session = connected();
        let reaction = json!({"user_id": "11", "message_id": "100", "emoji": {"id": "5", "name": "fish"}});
        let events = tell(&mut session, "MESSAGE_REACTION_ADD", reaction);
        let RemoteKind::Reaction(reaction) = &events[0].kind else { panic!("{events:?}") };
        assert_eq!((reaction.emoji.as_str(), reaction.emoji_id.as_str()), (":fish:", "fish:5"));
        assert_eq!(reaction.target.id, "60:100");
        let own = json!({"user_id": "7", "message_id": "100", "emoji": {"id": null, "name": "🔥"}});
        assert!(tell(&mut session, "MESSAGE_REACTION_ADD", own).is_empty());
        let gone = tell(&mut session, "MESSAGE_DELETE_BULK", json!({"ids": ["100", "101"]}));
        let targets: Vec<&str> = gone.iter().map(|event| event.key.as_str()).collect();
        assert_eq!(targets, ["d 60:100", "d 60:101"]);
    }
}
