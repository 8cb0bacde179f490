//! People, bots and the names under which webhooks speak, as ghosts.

use std::time::Duration;

use causeway_sdk::http::{Payload, Request};
use causeway_sdk::remote::Avatar;
use causeway_sdk::rows::Row;
use causeway_sdk::{Error, ErrorKind, GhostInfo, log, matrix, media, time, timers};
use serde::{Deserialize, Serialize};

use crate::api::{Message, Snowflake, User};
use crate::client::Session;

/// Between two looks for pictures, so that what is said is not kept waiting.
const PAUSE: Duration = Duration::from_millis(200);
/// How long one turn may take, in milliseconds.
const TURN: u64 = 5_000;
/// How often one is tried.
const TRIES: u32 = 3;
const AVATAR_BYTES: u64 = 4 << 20;

/// By the ghost's id.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub username: Option<String>,
    pub is_bot: bool,
    /// Discord's name of the picture, and whose it is, as the CDN has it
    pub picture: Option<(Snowflake, String)>,
    /// the same of the one that is here, and its `mxc://` URI
    pub avatar: Option<(String, String)>,
}

impl Session {
    pub fn person(&mut self, ghost: &str) -> &mut Row<Person> {
        self.people.entry(ghost.to_owned()).or_insert_with(|| Row::load(format!("person {ghost}")))
    }

    /// Remembers who did something; answers whether they are new.
    pub fn note_user(&mut self, user: &User) -> bool {
        let picture = user.avatar.as_ref().map(|hash| (user.id, hash.clone()));
        let name = match user.name() {
            "" => user.id.to_string(),
            name => name.to_owned(),
        };
        let username = Some(user.username.clone()).filter(|username| !username.is_empty() && !user.bot);
        self.note(&user.id.to_string(), Person { name, username, is_bot: user.bot, picture, avatar: None })
    }

    /// Who says a message: the ghost, and whether it is new. A webhook speaks under any name; each is somebody.
    pub fn note_speaker(&mut self, message: &Message) -> (String, bool) {
        let author = &message.author;
        if message.webhook_id.is_none() {
            return (author.id.to_string(), self.note_user(author));
        }
        let ghost = format!("{}-{:x}", author.id, fingerprint(&author.username));
        let picture = author.avatar.as_ref().map(|hash| (author.id, hash.clone()));
        let person = Person { name: author.username.clone(), username: None, is_bot: true, picture, avatar: None };
        let is_new = self.note(&ghost, person);
        (ghost, is_new)
    }

    fn note(&mut self, ghost: &str, now: Person) -> bool {
        let row = self.person(ghost);
        let is_new = row.name.is_empty();
        let is_same = (&row.name, &row.username, row.is_bot) == (&now.name, &now.username, now.is_bot);
        let has_other_picture = row.picture != now.picture;
        if !is_same || has_other_picture {
            let avatar = row.avatar.clone();
            **row = Person { avatar, ..now };
        }
        if !is_same {
            self.tell_person(ghost);
        }
        if has_other_picture {
            self.stale.insert(ghost, 0);
            timers::set("profiles", PAUSE);
        }
        is_new
    }

    fn tell_person(&mut self, ghost: &str) {
        let info = self.ghost_info(ghost);
        if let Err(error) = matrix::ensure_ghost(&info) {
            log::warn("ghost not taken", &[("error", &error.message)]);
        }
    }

    pub fn ghost_info(&mut self, ghost: &str) -> GhostInfo {
        let person = (**self.person(ghost)).clone();
        let avatar = match (person.avatar, person.picture) {
            (Some((id, uri)), _) => Some(Avatar { id, source: Some(uri), remove: false }),
            (None, _) => None,
        };
        GhostInfo {
            id: ghost.to_owned(),
            name: Some(person.name).filter(|name| !name.is_empty()),
            avatar,
            is_bot: person.is_bot,
            identifiers: person.username.into_iter().map(|username| format!("discord:{username}")).collect(),
        }
    }

    /// Fetches pictures, a turn's worth.
    pub fn refresh(&mut self) {
        let until = time::now() + TURN;
        for ghost in self.stale.keys() {
            let tries = self.stale.get(&ghost).copied().unwrap_or(0);
            match self.fetch_picture(&ghost) {
                Err(error) if passes(&error) && tries + 1 < TRIES => {
                    self.stale.insert(&ghost, tries + 1);
                    return timers::set("profiles", Duration::from_secs(5 << tries));
                }
                Err(error) => {
                    log::debug("picture not fetched", &[("ghost", &ghost), ("error", &error.message)]);
                    self.stale.remove(&ghost);
                }
                Ok(()) => _ = self.stale.remove(&ghost),
            }
            if time::now() > until {
                return timers::set("profiles", PAUSE);
            }
        }
    }

    fn fetch_picture(&mut self, ghost: &str) -> Result<(), Error> {
        let person = (**self.person(ghost)).clone();
        let avatar = match person.picture {
            Some((_, hash)) if person.avatar.as_ref().is_some_and(|(here, _)| *here == hash) => return Ok(()),
            Some((of, hash)) => {
                let url = format!("{}/avatars/{of}/{hash}.png?size=256", self.config.cdn_base);
                let uri = media::fetch(&download(url), "avatar.png", Some("image/png"), AVATAR_BYTES)?;
                Some((hash, uri))
            }
            None => None,
        };
        if avatar == person.avatar {
            return Ok(());
        }
        let is_gone = avatar.is_none();
        self.person(ghost).avatar = avatar;
        let mut info = self.ghost_info(ghost);
        if is_gone {
            info.avatar = Some(Avatar { id: String::new(), source: None, remove: true });
        }
        matrix::ensure_ghost(&info).map(drop)
    }
}

/// Whether it may be otherwise later.
pub fn passes(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Network | ErrorKind::Timeout | ErrorKind::RateLimited)
}

/// A file of the CDN, which is open to all.
pub fn download(url: String) -> Request {
    Request {
        method: "GET".to_owned(),
        url,
        headers: Vec::new(),
        payload: Payload::Empty,
        timeout_ms: 20_000,
        max_response: 32 << 20,
    }
}

/// FNV-1a.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
