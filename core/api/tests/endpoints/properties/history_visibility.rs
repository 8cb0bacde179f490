//! Each way to an event shows it to those who may see it, and to nobody else.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::play;
use super::scene::{Scene, Step, Who, ids, step, visible};
use crate::endpoints::hub::{TestHub, encode};

#[test]
fn every_event_is_shown_to_those_who_may_see_it_and_to_nobody_else() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let hub = runtime.block_on(TestHub::start());
    play(&(vec(step(), 4..40), 1..9_usize), |(steps, limit)| runtime.block_on(scene(&hub, &steps, limit)));
}

async fn scene(hub: &TestHub, steps: &[Step], limit: usize) -> Result<(), TestCaseError> {
    let mut scene = Scene::new(hub).await;
    for step in steps {
        scene.play(step).await;
    }
    let timeline = scene.timeline().await;
    let all = ids(&timeline);
    for who in [Who::Bob, Who::Carol] {
        let user = scene.id(who);
        let may = visible(&timeline, user);
        // Whoever is asked to come, or shown out, is told so by their own membership, whatever the room shows.
        let is_own = |event: &Value| event["type"] == "m.room.member" && event["state_key"] == user;
        let expected: Vec<&str> =
            (0..all.len()).filter(|index| may[*index] || is_own(&timeline[*index])).map(|index| all[index]).collect();

        for (index, event_id) in all.iter().enumerate() {
            let is_seen = expected.contains(event_id);
            for path in ["event", "context"] {
                let path = scene.path(&format!("{path}/{}", encode(event_id)));
                let answered = hub.get(&path, scene.token(who)).await;
                prop_assert_eq!(
                    answered.status.is_success(),
                    is_seen,
                    "{} of event {} for {:?}: {:?} {}",
                    path,
                    index,
                    who,
                    answered.body,
                    serde_json::to_string_pretty(&timeline).expect("JSON")
                );
            }
        }

        let was_in = timeline.iter().any(|event| is_own(event) && event["content"]["membership"] == "join");
        if was_in {
            let forward = scene.pages(who, "f", limit).await;
            prop_assert_eq!(&ids(&forward), &expected, "forward, {:?}", who);
            let mut backward = scene.pages(who, "b", limit).await;
            backward.reverse();
            prop_assert_eq!(&ids(&backward), &expected, "backward, {:?}", who);
        }
    }
    Ok(())
}
