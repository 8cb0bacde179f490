//! Ghosts registered, portals made, joins.

use anyhow::Result;
use causeway_blackbox::{Client, Database};
use serde_json::json;

use crate::figure::Figure;
use crate::stage::{ID, Stage};

const GHOSTS: usize = 400;
const PORTALS: usize = 25;
const LANES: usize = 8;

pub async fn run(database: Database) -> Result<Vec<Figure>> {
    let stage = Stage::set(database).await?;
    let (url, token) = (stage.hub.url(), stage.appservice.as_token().to_owned());
    let lanes: Vec<_> = (0..LANES).map(|lane| (url.clone(), token.clone(), lane)).collect();
    let ghosts = stage
        .measure(lanes, GHOSTS / LANES, |lane, round| async move {
            Client::ghost(&lane.0, &lane.1, &format!("{ID}_p{}x{round}", lane.2)).await.map(drop)
        })
        .await?;

    let mut bots = Vec::new();
    for lane in 0..LANES {
        bots.push(stage.ghost(&format!("bot{lane}")).await?);
    }
    let portals = stage
        .measure(bots, PORTALS, |bot, round| async move {
            let body = json!({
                "preset": "private_chat", "name": format!("chat {round}"), "topic": "a remote chat",
                "initial_state": [{"type": "m.bridge", "state_key": "bench", "content": {"bridgebot": bot.user_id}}],
            });
            bot.create_room(&body).await.map(drop)
        })
        .await?;

    let owner = stage.ghost("owner").await?;
    let room_id = owner.create_room(&json!({"preset": "public_chat"})).await?;
    let mut joiners = Vec::new();
    for lane in 0..LANES {
        let mut ghosts = Vec::new();
        for round in 0..GHOSTS / LANES {
            ghosts.push(stage.ghost(&format!("p{lane}x{round}")).await?);
        }
        joiners.push((ghosts, room_id.clone()));
    }
    let joins =
        stage.measure(joiners, GHOSTS / LANES, |lane, round| async move { lane.0[round].join(&lane.1).await }).await?;
    Ok(vec![
        ghosts.rate("ghosts registered"),
        portals.rate("portals made"),
        portals.cpu("one portal").at_most(stage.goal(2.45, 6.9)),
        joins.rate("joins of one room"),
        joins.cpu("one join").at_most(stage.goal(1.85, 5.1)),
    ])
}
