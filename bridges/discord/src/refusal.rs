//! What Discord refuses, by its own numbers, and in words.

use causeway_sdk::{Error, ErrorKind};

use crate::call::Failure;

pub const UNKNOWN_MESSAGE: u32 = 10_008;
pub const UNKNOWN_EMOJI: u32 = 10_014;
pub const UNKNOWN_WEBHOOK: u32 = 10_015;
pub const WRONG_WEBHOOK_TOKEN: u32 = 50_027;
pub const THREAD_EXISTS: u32 = 160_004;

/// A refusal in words for who wrote it.
pub fn told(failure: &Failure, is_partial: bool) -> Error {
    let (kind, text) = match failure {
        Failure::Host(error) => (error.kind, error.message.clone()),
        Failure::Api(error) => {
            let kind = match error.status {
                403 => ErrorKind::Forbidden,
                404 => ErrorKind::NotFound,
                413 => ErrorKind::TooLarge,
                _ => ErrorKind::BadRequest,
            };
            let text = match error.code {
                UNKNOWN_MESSAGE => "Discord has this message no more".to_owned(),
                UNKNOWN_EMOJI => "Discord has no such emoji".to_owned(),
                UNKNOWN_WEBHOOK | WRONG_WEBHOOK_TOKEN => "the webhook that said it is gone".to_owned(),
                30_010 => "Discord takes 20 kinds of reactions to a message".to_owned(),
                40_005 => "Discord takes files of at most 10 MB from a bot".to_owned(),
                50_001 => "the bot does not see this channel on Discord".to_owned(),
                50_005 => "Discord lets nobody change what another one wrote".to_owned(),
                50_007 => "they take no private messages from the bot".to_owned(),
                50_013 => "the bot lacks the permission on Discord".to_owned(),
                90_001 => "they have blocked the bot: it can't react to them".to_owned(),
                200_000 | 200_001 => "the server's rules on Discord hold it back".to_owned(),
                _ => format!("Discord says: {}", error.message),
            };
            (kind, text)
        }
    };
    Error::new(kind, if is_partial { format!("only its beginning arrived: {text}") } else { text })
}
