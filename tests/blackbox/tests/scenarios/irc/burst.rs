//! A thousand lines at once.

use super::*;

const LINES: usize = 1_000;

fn lines() -> Vec<String> {
    (0..LINES).map(|number| format!("line {number}")).collect()
}

#[test]
fn a_thousand_lines_from_irc_arrive_in_order_each_once_on_inspircd() -> Result<()> {
    scenario(from_irc(Kind::InspIrcd))
}

#[test]
fn a_thousand_lines_from_irc_arrive_in_order_each_once_on_ngircd() -> Result<()> {
    scenario(from_irc(Kind::NgIrcd))
}

async fn from_irc(kind: Kind) -> Result<()> {
    let scene = Scene::set(kind, Database::Sqlite).await?;
    for line in lines() {
        scene.wilma.say(CHANNEL, &line)?;
    }
    scene.event("the last line", has_body(&ghost("wilma"), &format!("line {}", LINES - 1))).await?;
    assert_eq!(scene.alice.heard(&scene.room_id, usize::MAX).await?, lines());
    Ok(())
}

#[test]
fn a_thousand_messages_to_irc_arrive_in_order_each_once_on_inspircd() -> Result<()> {
    scenario(to_irc(Kind::InspIrcd))
}

#[test]
fn a_thousand_messages_to_irc_arrive_in_order_each_once_on_ngircd() -> Result<()> {
    scenario(to_irc(Kind::NgIrcd))
}

async fn to_irc(kind: Kind) -> Result<()> {
    let scene = Scene::set(kind, Database::Sqlite).await?;
    for line in lines() {
        scene.alice.say(&scene.room_id, &line).await?;
    }
    let last = format!("line {}", LINES - 1);
    scene.wilma.wait_for("the last line", |line| line.starts_with(":alicem!") && line.ends_with(&last)).await?;
    assert_eq!(scene.wilma.heard("alicem", CHANNEL), lines());
    Ok(())
}
