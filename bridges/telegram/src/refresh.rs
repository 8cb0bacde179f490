//! Photos and descriptions, which no update tells: asked for behind the messages, a few at a time.

use std::time::Duration;

use causeway_sdk::{log, time, timers};
use serde_json::json;

use crate::api::{self, ProfilePhotos};
use crate::call::Failure;
use crate::client::Session;

/// Between two of them, so that what is said is not kept waiting.
const PAUSE: Duration = Duration::from_millis(200);
/// How long one turn may take, in milliseconds.
const TURN: u64 = 5_000;
/// How often one is tried.
const TRIES: u32 = 3;

impl Session {
    pub fn make_stale(&mut self, what: &str) {
        self.stale.insert(what, 0);
        timers::set("profiles", PAUSE);
    }

    /// One turn.
    pub fn refresh(&mut self) {
        let until = time::now() + TURN;
        for what in self.stale.keys() {
            let Some((kind, number)) = what.split_once(' ') else { continue };
            let number = number.parse().unwrap_or_default();
            let done = if kind == "chat" { self.refresh_chat(number) } else { self.refresh_person(number) };
            let tries = self.stale.get(&what).copied().unwrap_or(0);
            match done {
                Err(failure) if failure.passes_in().is_some() && tries + 1 < TRIES => {
                    self.stale.insert(&what, tries + 1);
                    return timers::set("profiles", Duration::from_millis(failure.passes_in().unwrap_or(0).max(5_000)));
                }
                Err(failure) => {
                    log::debug("profile not read", &[("what", &what), ("error", failure.text())]);
                    self.stale.remove(&what);
                }
                Ok(()) => _ = self.stale.remove(&what),
            }
            if time::now() > until {
                return timers::set("profiles", PAUSE);
            }
        }
    }

    fn refresh_chat(&mut self, chat: i64) -> Result<(), Failure> {
        let full: api::Chat = self.send("getChat", json!({"chat_id": chat}))?;
        let known = self.chats.get(&chat.to_string()).and_then(|row| row.photo.clone());
        let photo = match full.photo {
            Some(photo) if known.as_ref().is_some_and(|(id, _)| *id == photo.big_file_unique_id) => known,
            Some(photo) => {
                let file = api::File { file_id: photo.big_file_id, ..api::File::default() };
                Some((photo.big_file_unique_id, self.fetch(&file, "photo.jpg", Some("image/jpeg"))?))
            }
            None => None,
        };
        let Some(row) = self.chats.get_mut(&chat.to_string()) else { return Ok(()) };
        let is_changed = row.photo != photo || row.description != full.description;
        (row.photo, row.description) = (photo, full.description);
        if is_changed {
            self.tell_chat(chat);
        }
        Ok(())
    }

    fn refresh_person(&mut self, person: i64) -> Result<(), Failure> {
        // A chat that speaks in its own name has its photo there.
        let newest = if person < 0 {
            let full: api::Chat = self.send("getChat", json!({"chat_id": person}))?;
            full.photo.map(|photo| (photo.big_file_id, photo.big_file_unique_id))
        } else {
            let photos: ProfilePhotos = self.send("getUserProfilePhotos", json!({"user_id": person, "limit": 1}))?;
            let largest = photos.photos.into_iter().next().and_then(|sizes| sizes.into_iter().next_back());
            largest.map(|file| (file.file_id, file.file_unique_id))
        };
        let known = self.person(person).photo.clone();
        let photo = match newest {
            Some((_, unique)) if known.as_ref().is_some_and(|(id, _)| *id == unique) => return Ok(()),
            Some((file_id, unique)) => {
                let file = api::File { file_id, ..api::File::default() };
                Some((unique, self.fetch(&file, "avatar.jpg", Some("image/jpeg"))?))
            }
            None => None,
        };
        if photo != known {
            self.person(person).photo = photo;
            self.tell_person(person);
        }
        Ok(())
    }
}
