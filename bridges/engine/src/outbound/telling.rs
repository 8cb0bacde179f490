//! What the sender of an event is told of its end.

use serde::{Deserialize, Serialize};

use super::retry::AGAIN;
use crate::bridge::Bridge;
use crate::connector::{ErrorKind, Outcome, PortalKey};
use crate::work::{Lane, Work};

/// As `com.beeper.message_send_status` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MessageStatus {
    Success,
    /// it is on its way, and takes its time
    Pending,
    /// another try may help
    FailRetriable,
    FailPermanent,
}

/// The reason of a failure, under the names that mautrix bridges use.
fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unsupported | ErrorKind::TooLarge => "com.beeper.unsupported_event",
        ErrorKind::Forbidden => "m.no_permission",
        ErrorKind::Network | ErrorKind::Timeout | ErrorKind::RateLimited => "m.foreign_network_error",
        ErrorKind::NotLoggedIn | ErrorKind::BadCredentials => "m.bridge_unavailable",
        _ => "m.event_not_handled",
    }
}

fn status(outcome: &Outcome) -> Option<(MessageStatus, Option<&'static str>)> {
    match outcome {
        Outcome::Sent(_) | Outcome::Done => Some((MessageStatus::Success, None)),
        Outcome::Pending | Outcome::Ignored(_) => None,
        Outcome::Unknown(_) => Some((MessageStatus::FailRetriable, Some("m.event_not_handled"))),
        Outcome::Failed(error) => {
            let is_permanent = matches!(
                error.kind,
                ErrorKind::BadRequest
                    | ErrorKind::NotFound
                    | ErrorKind::Unsupported
                    | ErrorKind::Forbidden
                    | ErrorKind::TooLarge
            );
            let status = if is_permanent { MessageStatus::FailPermanent } else { MessageStatus::FailRetriable };
            Some((status, Some(reason(error.kind))))
        }
    }
}

impl Bridge {
    pub(super) fn told(&self, key: PortalKey, event_id: &str, outcome: &Outcome) -> Vec<(Lane, Work)> {
        let Some((status, reason)) = status(outcome) else { return Vec::new() };
        let text = match outcome {
            Outcome::Unknown(reason) => format!(
                "This may not have arrived, retry? ({reason}) React to it with {AGAIN} and it is sent once more."
            ),
            Outcome::Failed(error) => {
                format!("This did not arrive: {}. React to it with {AGAIN} and it is tried again.", error.message)
            }
            _ => String::new(),
        };
        let is_bad = status != MessageStatus::Success;
        let lane = Lane::Portal(key);
        let mut works = Vec::new();
        if is_bad && self.settings().message_error_notices {
            let notice = Work::PortalNotice { text: text.clone(), reply_to: Some(event_id.to_owned()) };
            works.push((lane.clone(), notice));
        }
        if self.settings().message_status_events.unwrap_or(is_bad) {
            let reason = reason.map(str::to_owned);
            works.push((lane, Work::SendStatus { event_id: event_id.to_owned(), status, reason, text }));
        }
        works
    }
}
