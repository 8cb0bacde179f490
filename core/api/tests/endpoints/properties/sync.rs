//! However a client's syncs are cut, it ends up knowing what one who was there all the time knows.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::play;
use super::scene::{Scene, Step, Who, ids, step, visible};
use crate::endpoints::hub::{TestHub, encode};

#[derive(Clone, Debug)]
enum Turn {
    Step(Step),
    Sync(Ask),
}

/// One request of one of the devices.
#[derive(Clone, Debug)]
struct Ask {
    device: usize,
    limit: usize,
    full_state: bool,
    /// the response never arrives: the client asks again with the old token
    lost: bool,
}

/// What a device asks for in all its requests.
#[derive(Clone, Copy, Debug)]
struct Habit {
    state_after: bool,
    hides_topic: bool,
    lazy: bool,
}

const HABITS: [Habit; 4] = [
    Habit { state_after: false, hides_topic: false, lazy: false },
    Habit { state_after: true, hides_topic: false, lazy: false },
    Habit { state_after: false, hides_topic: true, lazy: false },
    Habit { state_after: false, hides_topic: false, lazy: true },
];

fn turn() -> impl Strategy<Value = Turn> {
    let limit = prop_oneof![Just(1_usize), Just(2), Just(5), Just(50)];
    let ask = (0..HABITS.len(), limit, prop::bool::weighted(0.1), prop::bool::weighted(0.15));
    let ask = ask.prop_map(|(device, limit, full_state, lost)| Ask { device, limit, full_state, lost });
    prop_oneof![3 => step().prop_map(Turn::Step), 2 => ask.prop_map(Turn::Sync)]
}

#[test]
fn any_cut_of_syncs_leads_to_the_same_room() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let hub = runtime.block_on(TestHub::start());
    play(&vec(turn(), 10..60), |turns| runtime.block_on(scene(&hub, &turns)));
}

async fn scene(hub: &TestHub, turns: &[Turn]) -> Result<(), TestCaseError> {
    let mut scene = Scene::new(hub).await;
    let mut clients = Vec::new();
    for habit in HABITS {
        clients.push(Client::new(habit, scene.device(Who::Bob).await));
    }
    // They know a room, so that those who leave it hear of it.
    scene.play(&Step::Join(Who::Bob)).await;
    for client in &mut clients {
        client.sync(&scene, &Ask { device: 0, limit: 5, full_state: false, lost: false }).await?;
    }
    for turn in turns {
        match turn {
            Turn::Step(step) => scene.play(step).await,
            Turn::Sync(ask) => clients[ask.device].sync(&scene, ask).await?,
        }
    }
    let timeline = scene.timeline().await;
    let bob = scene.id(Who::Bob);
    let is_own = |event: &Value| event["type"] == "m.room.member" && event["state_key"] == bob;
    let may = visible(&timeline, bob);
    // After they left nothing more comes.
    let is_join = |event: &Value| is_own(event) && event["content"]["membership"] == "join";
    let after_join = timeline.iter().rposition(is_join).expect("Bob was here") + 1;
    let left = timeline[after_join..].iter().position(is_own);
    let is_in = left.is_none();
    let end = left.map_or(timeline.len(), |left| after_join + left + 1);
    let known: Vec<&Value> =
        (0..end).filter(|index| may[*index] || is_own(&timeline[*index])).map(|index| &timeline[index]).collect();
    // What an invitation that came then, and its end, tell of the room is left open.
    if timeline[end..].iter().any(is_own) {
        return Ok(());
    }
    let state = by_key(&timeline[..end]);
    if is_in {
        let told = scene.hub.get(&scene.path("state"), scene.token(Who::Bob)).await.ok();
        prop_assert_eq!(&by_key(told.as_array().expect("a list")), &state);
    }

    for client in &mut clients {
        client.sync(&scene, &Ask { device: 0, limit: 3, full_state: false, lost: false }).await?;
        if client.was_invited && !is_in {
            continue;
        }
        let habit = client.habit;
        let hidden = |event: &Value| habit.hides_topic && event["type"] == "m.room.topic";
        let expected: Vec<&str> = known
            .iter()
            .filter(|event| !hidden(event))
            .map(|event| event["event_id"].as_str().expect("an id"))
            .collect();
        prop_assert_eq!(&client.timeline, &expected, "timeline of {:?}", habit);

        let is_wanted = |key: &(String, String)| !habit.lazy || key.0 != "m.room.member";
        let wanted = |state: &BTreeMap<(String, String), String>| -> BTreeMap<(String, String), String> {
            state.iter().filter(|(key, _)| is_wanted(key)).map(|(key, id)| (key.clone(), id.clone())).collect()
        };
        prop_assert_eq!(wanted(&client.state), wanted(&state), "state of {:?}", habit);
    }
    Ok(())
}

/// What a client keeps of a room.
struct Client {
    habit: Habit,
    token: String,
    since: String,
    state: BTreeMap<(String, String), String>,
    timeline: Vec<String>,
    /// and has not been in the room since
    was_invited: bool,
    /// as it was told last
    is_in: bool,
}

impl Client {
    fn new(habit: Habit, token: String) -> Self {
        Self {
            habit,
            token,
            since: String::new(),
            state: BTreeMap::new(),
            timeline: Vec::new(),
            was_invited: false,
            is_in: false,
        }
    }

    async fn sync(&mut self, scene: &Scene<'_>, ask: &Ask) -> Result<(), TestCaseError> {
        let mut timeline_filter = self.filter();
        timeline_filter["limit"] = json!(ask.limit);
        let filter = json!({ "room": {
            "timeline": timeline_filter,
            "state": { "lazy_load_members": self.habit.lazy },
        } });
        let since = if self.since.is_empty() { String::new() } else { format!("&since={}", self.since) };
        let path = format!(
            "/_matrix/client/v3/sync?timeout=0&filter={}&full_state={}&use_state_after={}{since}",
            encode(&filter.to_string()),
            ask.full_state,
            self.habit.state_after,
        );
        let response = scene.hub.get(&path, &self.token).await.ok();
        if ask.lost {
            return Ok(());
        }
        response["next_batch"].as_str().expect("a token").clone_into(&mut self.since);
        let rooms = &response["rooms"];
        if let Some(room) = rooms["join"].get(&scene.room) {
            self.was_invited = false;
            self.hear(scene, room).await?;
            self.is_in = true;
        } else if rooms["invite"].get(&scene.room).is_some() {
            // Whether it was in the room before is not told: it begins anew.
            self.was_invited = true;
            self.is_in = false;
            self.timeline.clear();
        } else if let Some(room) = rooms["leave"].get(&scene.room).filter(|_| !self.was_invited) {
            self.hear(scene, room).await?;
            self.is_in = false;
        }
        Ok(())
    }

    fn filter(&self) -> Value {
        let hidden = if self.habit.hides_topic { vec!["m.room.topic"] } else { Vec::new() };
        json!({ "not_types": hidden })
    }

    async fn hear(&mut self, scene: &Scene<'_>, room: &Value) -> Result<(), TestCaseError> {
        let events = room["timeline"]["events"].as_array().cloned().unwrap_or_default();
        let section = if self.habit.state_after { "state_after" } else { "state" };
        self.state.extend(by_key(room[section]["events"].as_array().map_or(&[], Vec::as_slice)));
        if !self.habit.state_after {
            self.state.extend(by_key(&events));
        }
        if room["timeline"]["limited"] == true {
            self.fill_gap(scene, room["timeline"]["prev_batch"].as_str().expect("a token")).await?;
        }
        for event_id in ids(&events) {
            if !self.timeline.iter().any(|known| known == event_id) {
                self.timeline.push(event_id.to_owned());
            }
        }
        if self.habit.lazy {
            for event in &events {
                let key = ("m.room.member".to_owned(), event["sender"].as_str().expect("a sender").to_owned());
                prop_assert!(self.state.contains_key(&key), "the member event of a sender is missing: {}", event);
            }
        }
        Ok(())
    }

    /// Pages back until something known comes, or nothing more.
    async fn fill_gap(&mut self, scene: &Scene<'_>, prev_batch: &str) -> Result<(), TestCaseError> {
        let (mut gap, mut from) = (Vec::new(), prev_batch.to_owned());
        let filter = encode(&self.filter().to_string());
        'paging: loop {
            let path = scene.path(&format!("messages?dir=b&limit=3&filter={filter}&from={from}"));
            let page = scene.hub.get(&path, &self.token).await.ok();
            for event_id in ids(page["chunk"].as_array().expect("a chunk")) {
                if self.is_in && self.timeline.last().is_some_and(|known| known == event_id) {
                    break 'paging;
                }
                gap.push(event_id.to_owned());
            }
            match page["end"].as_str() {
                Some(end) => end.clone_into(&mut from),
                None => break,
            }
        }
        gap.reverse();
        // For one who comes back more is visible than before: the gap has both.
        if !self.is_in {
            self.timeline.clear();
        }
        self.timeline.extend(gap);
        Ok(())
    }
}

/// The last event of each key.
fn by_key(events: &[Value]) -> BTreeMap<(String, String), String> {
    let text = |event: &Value, field: &str| event[field].as_str().map(str::to_owned);
    let keyed = |event: &Value| Some(((text(event, "type")?, text(event, "state_key")?), text(event, "event_id")?));
    events.iter().filter_map(keyed).collect()
}
