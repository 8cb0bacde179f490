use super::{Convert, engine, enums, records, wit};
use wit::remote;

enums! {
    remote::Membership => engine::Membership { Join, Invite, Leave, Ban, Knock }
    engine::Membership => remote::Membership { Join, Invite, Leave, Ban, Knock }
    remote::ChatKind => engine::ChatKind { Dm, Group, Channel, Space, Thread }
    remote::ReactionOp => engine::ReactionOp { Add, Remove, Replace }
    wit::state::Status => engine::Status {
        Starting, Connecting, Backfilling, Connected, TransientDisconnect, BadCredentials, LoggedOut, Error,
    }
    wit::state::UserAction => engine::UserAction { None, Relogin, OpenApp, Restart }
}

records! {
    remote::Sender => engine::Sender { ghost, is_me, via_login }
    remote::Member => engine::Member { who, membership, power, nick, reason }
    remote::Avatar => engine::Avatar { id, source, remove }
    remote::GhostInfo => engine::GhostInfo { id, name, avatar, is_bot, identifiers }
    remote::Reaction => engine::Reaction { target, op, emoji, emoji_id, image }
    remote::Edit => engine::Edit { target, changed, removed, added }
    remote::Removal => engine::Removal { target, only_for_me }
    remote::Receipt => engine::Receipt { up_to, targets, until }
    remote::Typing => engine::Typing { timeout_ms, recording }
    remote::NewMessage => engine::NewMessage { id, message, echo_of, upsert }
    remote::HistoryMessage => engine::HistoryMessage { id, sender, at, order, message, reactions }
    remote::HistoryPage => engine::HistoryPage { messages, next, has_more, forward, mark_read }
    remote::Event => engine::RemoteEvent { portal, sender, at, order, key, create_portal, kind }
    engine::HistoryQuery => remote::HistoryQuery { portal, thread_root, forward, anchor, cursor, count }
    wit::state::Report => engine::Report { status, code, message, action, profile, ttl_s }
}

impl Convert<engine::ChatInfo> for remote::ChatInfo {
    fn convert(self) -> engine::ChatInfo {
        engine::ChatInfo {
            kind: self.kind.convert(),
            name: self.name,
            topic: self.topic,
            avatar: self.avatar.convert(),
            parent: self.parent.convert(),
            members: self.members.convert(),
            members_complete: self.members_complete,
            disappear_after_ms: self.disappear_after_ms.unwrap_or(0),
            can_backfill: self.can_backfill,
            join_rule: self.join_rule,
            extra: self.extra,
        }
    }
}

impl Convert<engine::RemoteKind> for remote::Kind {
    fn convert(self) -> engine::RemoteKind {
        use engine::RemoteKind;
        match self {
            Self::Message(message) => RemoteKind::Message(message.convert()),
            Self::Edit(edit) => RemoteKind::Edit(edit.convert()),
            Self::Reaction(reaction) => RemoteKind::Reaction(reaction.convert()),
            Self::Removal(removal) => RemoteKind::Removal(removal.convert()),
            Self::ReadReceipt(receipt) => RemoteKind::ReadReceipt(receipt.convert()),
            Self::Delivered(messages) => RemoteKind::Delivered(messages.convert()),
            Self::Typing(typing) => RemoteKind::Typing(typing.convert()),
            Self::Unread(unread) => RemoteKind::Unread(unread),
            Self::Members(members) => RemoteKind::Members(members.convert()),
            Self::ChatInfo(info) => RemoteKind::ChatInfo(info.convert()),
            Self::ChatDeleted => RemoteKind::ChatDeleted,
            Self::Backfill(page) => RemoteKind::Backfill(page.convert()),
        }
    }
}
