use super::{Convert, engine, records, wit};
use wit::matrix_in;

records! {
    engine::RelayProfile => matrix_in::RelayProfile { display_name, avatar_url, prefix }
    engine::Author => matrix_in::Author { user, login, relay }
    engine::MatrixEvent => matrix_in::Event { portal, room, id, at, author, kind, attempt }
    matrix_in::SentPart => engine::SentPart { part, id, at, order, metadata }
}

impl Convert<matrix_in::MemberTarget> for engine::MemberTarget {
    fn convert(self) -> matrix_in::MemberTarget {
        match self {
            Self::Ghost(ghost) => matrix_in::MemberTarget::Ghost(ghost.convert()),
            Self::Login(login) => matrix_in::MemberTarget::Login(login.convert()),
        }
    }
}

impl Convert<matrix_in::Setting> for engine::Setting {
    fn convert(self) -> matrix_in::Setting {
        match self {
            Self::Name(name) => matrix_in::Setting::Name(name),
            Self::Topic(topic) => matrix_in::Setting::Topic(topic),
            Self::Avatar(uri) => matrix_in::Setting::Avatar(uri),
            Self::Disappear(after_ms) => matrix_in::Setting::Disappear(after_ms),
            Self::Muted(muted) => matrix_in::Setting::Muted(muted),
            Self::Tag(tag) => matrix_in::Setting::Tag(tag),
            Self::Power(levels) => matrix_in::Setting::Power(levels),
        }
    }
}

impl Convert<matrix_in::Kind> for engine::MatrixKind {
    fn convert(self) -> matrix_in::Kind {
        use matrix_in::Kind;
        match self {
            Self::Send { message, txn } => Kind::Send(matrix_in::Send { message: message.convert(), txn }),
            Self::Edit { target, part } => {
                Kind::Edit(matrix_in::Edit { target: target.convert(), part: part.convert() })
            }
            Self::React { target, emoji, previous } => {
                Kind::React(matrix_in::React { target: target.convert(), emoji, previous })
            }
            Self::Unreact { target, emoji_id } => {
                Kind::Unreact(matrix_in::Unreact { target: target.convert(), emoji_id })
            }
            Self::Remove(target) => Kind::Remove(target.convert()),
            Self::ReadReceipt { up_to, at, implicit } => {
                Kind::ReadReceipt(matrix_in::Receipt { up_to: up_to.convert(), at, implicit })
            }
            Self::Typing(typing) => Kind::Typing(typing),
            Self::Unread(unread) => Kind::Unread(unread),
            Self::Member { target, membership, reason } => Kind::Member(matrix_in::MemberChange {
                target: target.convert(),
                membership: membership.convert(),
                reason,
            }),
            Self::Setting(setting) => Kind::Setting(setting.convert()),
            Self::AcceptRequest => Kind::AcceptRequest,
            Self::DeleteChat(for_everyone) => Kind::DeleteChat(for_everyone),
            Self::PollVote(target, votes) => Kind::PollVote((target.convert(), votes)),
            Self::Raw(event) => Kind::Raw(event),
        }
    }
}

impl Convert<engine::Outcome> for matrix_in::Outcome {
    fn convert(self) -> engine::Outcome {
        match self {
            Self::Sent(parts) => engine::Outcome::Sent(parts.convert()),
            Self::Done => engine::Outcome::Done,
            Self::Pending => engine::Outcome::Pending,
            Self::Unknown(why) => engine::Outcome::Unknown(why),
            Self::Ignored(why) => engine::Outcome::Ignored(why),
            Self::Failed(error) => engine::Outcome::Failed(error.convert()),
        }
    }
}
