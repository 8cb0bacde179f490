//! People (and chats that speak in their own name) as ghosts.

use causeway_sdk::remote::Avatar;
use causeway_sdk::rows::Row;
use causeway_sdk::{GhostInfo, log, matrix, time};
use serde::{Deserialize, Serialize};

use crate::api::{Chat, User};
use crate::client::Session;

/// How long a photo is taken for the present one.
const FRESH: u64 = 24 * 3600 * 1000;

/// By their number.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub username: Option<String>,
    pub is_bot: bool,
    /// Telegram's id of the photo, and the file here
    pub photo: Option<(String, String)>,
    /// when the photo was last looked for
    pub looked_at: u64,
}

impl Session {
    pub fn person(&mut self, id: i64) -> &mut Row<Person> {
        self.people.entry(id).or_insert_with(|| Row::load(format!("person {id}")))
    }

    /// Remembers who spoke; answers whether they are new.
    pub fn note_user(&mut self, user: &User) -> bool {
        self.note(user.id, user.name(), user.username.clone(), user.is_bot)
    }

    /// The same of a chat that speaks in its own name.
    pub fn note_speaker(&mut self, chat: &Chat) -> bool {
        self.note(chat.id, chat.title.clone().unwrap_or_default(), chat.username.clone(), false)
    }

    fn note(&mut self, id: i64, name: String, username: Option<String>, is_bot: bool) -> bool {
        let name = if name.is_empty() { username.clone().unwrap_or_else(|| id.to_string()) } else { name };
        let row = self.person(id);
        let is_new = row.name.is_empty();
        let is_changed = row.name != name || row.username != username || row.is_bot != is_bot;
        let is_stale = time::now().saturating_sub(row.looked_at) > FRESH;
        if is_changed {
            (row.name, row.username, row.is_bot) = (name, username, is_bot);
            self.tell_person(id);
        }
        if is_stale {
            self.person(id).looked_at = time::now();
            self.make_stale(&format!("person {id}"));
        }
        is_new
    }

    pub fn tell_person(&mut self, id: i64) {
        let info = self.ghost_info(&id.to_string());
        if let Err(error) = matrix::ensure_ghost(&info) {
            log::warn("ghost not taken", &[("error", &error.message)]);
        }
    }

    pub fn ghost_info(&mut self, ghost: &str) -> GhostInfo {
        let person = ghost.parse::<i64>().map(|id| self.person(id).clone()).unwrap_or_default();
        let handle = person.username.as_ref().map(|username| format!("telegram:{username}"));
        GhostInfo {
            id: ghost.to_owned(),
            name: Some(person.name).filter(|name| !name.is_empty()),
            avatar: person.photo.map(|(id, uri)| Avatar { id, source: Some(uri), remove: false }),
            is_bot: person.is_bot,
            identifiers: handle.into_iter().collect(),
        }
    }
}
