//! A room, three people and what they do there.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::endpoints::hub::{TestHub, create, encode};

/// Who acts: the room's creator, who is always there, or one of two who come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Alice,
    Bob,
    Carol,
}

#[derive(Clone, Debug)]
pub enum Step {
    Say(Who),
    Rename(Who),
    Topic,
    Visibility(&'static str),
    Redact(usize),
    Join(Who),
    Leave(Who),
    Invite(Who),
    Kick(Who),
}

pub fn step() -> impl Strategy<Value = Step> {
    let guest = || prop_oneof![3 => Just(Who::Bob), 1 => Just(Who::Carol)];
    let anybody = prop_oneof![Just(Who::Alice), Just(Who::Bob), Just(Who::Carol)];
    let visibility = prop_oneof![Just("world_readable"), Just("shared"), Just("invited"), Just("joined")];
    prop_oneof![
        6 => anybody.clone().prop_map(Step::Say),
        1 => anybody.prop_map(Step::Rename),
        1 => Just(Step::Topic),
        2 => visibility.prop_map(Step::Visibility),
        1 => any::<usize>().prop_map(Step::Redact),
        2 => guest().prop_map(Step::Join),
        2 => guest().prop_map(Step::Leave),
        1 => guest().prop_map(Step::Invite),
        1 => guest().prop_map(Step::Kick),
    ]
}

/// Names are used once, so that each scene has a room and people of its own on one hub.
static SCENES: AtomicU32 = AtomicU32::new(0);

pub struct Scene<'a> {
    pub hub: &'a TestHub,
    pub room: String,
    people: [(String, String); 3],
    number: u32,
    steps: usize,
}

impl<'a> Scene<'a> {
    pub async fn new(hub: &'a TestHub) -> Self {
        let number = SCENES.fetch_add(1, Ordering::Relaxed);
        let mut people = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let (user_id, token) = hub.user(&format!("{name}{number}")).await;
            people.push((user_id.to_string(), token));
        }
        let people: [_; 3] = people.try_into().expect("three people");
        let room = create(hub, &people[0].1, json!({ "preset": "public_chat" })).await;
        Self { hub, room, people, number, steps: 0 }
    }

    pub fn id(&self, who: Who) -> &str {
        &self.people[who as usize].0
    }

    pub fn token(&self, who: Who) -> &str {
        &self.people[who as usize].1
    }

    /// A token of one more device.
    pub async fn device(&self, who: Who) -> String {
        let name = ["alice", "bob", "carol"][who as usize];
        self.hub.log_in(&format!("{name}{}", self.number)).await
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/_matrix/client/v3/rooms/{}/{rest}", encode(&self.room))
    }

    /// What can't be done just now is refused, and nothing happens.
    pub async fn play(&mut self, step: &Step) {
        self.steps += 1;
        let number = self.steps;
        let (who, method, path, body) = match step {
            Step::Say(who) => {
                let body = json!({ "msgtype": "m.text", "body": format!("words {number}") });
                (*who, "PUT", format!("send/m.room.message/say{number}"), body)
            }
            Step::Rename(who) => {
                if !self.is_in(*who).await {
                    return;
                }
                let content = json!({ "membership": "join", "displayname": format!("name {number}") });
                (*who, "PUT", format!("state/m.room.member/{}", encode(self.id(*who))), content)
            }
            Step::Topic => {
                (Who::Alice, "PUT", "state/m.room.topic/".to_owned(), json!({ "topic": number.to_string() }))
            }
            Step::Visibility(visibility) => {
                let content = json!({ "history_visibility": visibility });
                (Who::Alice, "PUT", "state/m.room.history_visibility/".to_owned(), content)
            }
            Step::Redact(which) => {
                let timeline = self.timeline().await;
                let said: Vec<&Value> = timeline.iter().filter(|event| event["type"] == "m.room.message").collect();
                if said.is_empty() {
                    return;
                }
                let event_id = said[which % said.len()]["event_id"].as_str().expect("an event id");
                (Who::Alice, "PUT", format!("redact/{}/redact{number}", encode(event_id)), json!({}))
            }
            Step::Join(who) => (*who, "POST", "join".to_owned(), json!({})),
            Step::Leave(who) => (*who, "POST", "leave".to_owned(), json!({})),
            Step::Invite(who) => (Who::Alice, "POST", "invite".to_owned(), json!({ "user_id": self.id(*who) })),
            Step::Kick(who) => (Who::Alice, "POST", "kick".to_owned(), json!({ "user_id": self.id(*who) })),
        };
        let answered = self.hub.call(method, &self.path(&path), self.token(who), body.to_string()).await;
        assert!(answered.status.as_u16() < 500, "{step:?}: {} {:?}", answered.status, answered.body);
    }

    async fn is_in(&self, who: Who) -> bool {
        let path = self.path(&format!("state/m.room.member/{}", encode(self.id(who))));
        let member = self.hub.get(&path, self.token(Who::Alice)).await;
        member.status.is_success() && member.json()["membership"] == "join"
    }

    /// All that happened, oldest first, as Alice sees it.
    pub async fn timeline(&self) -> Vec<Value> {
        self.pages(Who::Alice, "f", 200).await
    }

    /// Page after page until there are no more.
    pub async fn pages(&self, who: Who, direction: &str, limit: usize) -> Vec<Value> {
        let (mut events, mut from) = (Vec::new(), String::new());
        loop {
            let path = self.path(&format!("messages?dir={direction}&limit={limit}{from}"));
            let page = self.hub.get(&path, self.token(who)).await.ok();
            events.extend(page["chunk"].as_array().expect("a chunk").iter().cloned());
            match page["end"].as_str() {
                Some(end) => from = format!("&from={end}"),
                None => return events,
            }
        }
    }
}

/// The model: what a user may see of a timeline, by the five rules of the client-server API's "Room history visibility".
/// Their own memberships, and changes of the visibility, are judged by what was before and what was after.
pub fn visible(timeline: &[Value], user: &str) -> Vec<bool> {
    let is_own = |event: &Value| event["type"] == "m.room.member" && event["state_key"] == user;
    let joins_after = |index: usize| {
        timeline[index + 1..].iter().any(|event| is_own(event) && event["content"]["membership"] == "join")
    };
    let (mut membership, mut visibility) = ("leave".to_owned(), "shared".to_owned());
    let mut seen = Vec::with_capacity(timeline.len());
    for (index, event) in timeline.iter().enumerate() {
        let before = (membership.clone(), visibility.clone());
        if is_own(event) {
            event["content"]["membership"].as_str().expect("a membership").clone_into(&mut membership);
        } else if event["type"] == "m.room.history_visibility" {
            event["content"]["history_visibility"].as_str().expect("a visibility").clone_into(&mut visibility);
        }
        let after = (membership.clone(), visibility.clone());
        seen.push([before, after].iter().any(|(membership, visibility)| match (&**visibility, &**membership) {
            ("world_readable", _) | (_, "join") | ("invited", "invite") => true,
            ("shared", _) => joins_after(index),
            _ => false,
        }));
    }
    seen
}

pub fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event_id"].as_str().expect("an event id")).collect()
}
