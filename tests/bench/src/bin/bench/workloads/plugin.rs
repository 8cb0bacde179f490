//! The IRC bridge at full speed: a person on either side, and a small IRC server of our own between them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_blackbox::IrcPerson;
use causeway_emulators::irc::SmallIrcd;

use crate::figure::Figure;
use crate::server::Ground;
use crate::stage::{Cost, Stage};

const MESSAGES: usize = 3_000;
const CHANNEL: &str = "#harbor";
const PATIENCE: Duration = Duration::from_secs(120);

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let stage = Stage::with(ground, Default::default(), true).await?;
    let hub = stage.server.hub()?;
    let ircd = SmallIrcd::start().await?;
    hub.install_irc("irc", ircd.port).await?;
    let wilma = IrcPerson::connect(ircd.port, "wilma").await?;
    wilma.join(CHANNEL).await?;
    let alice = hub.user("alice").await?;
    let room_id = hub.enter_irc("irc", &alice, "alice", CHANNEL).await?;
    wilma.wait_for("alice on IRC", |line| line.starts_with(":alice!") && line.contains("JOIN")).await?;

    let speaker =
        crate::caller::Caller::connect(&stage.server.authority(), alice.token(), &alice.user_id, false).await?;
    let calls = calls(&stage).await?;
    let (cpu, begun) = (stage.server.cpu()?, Instant::now());
    let saying = async {
        for number in 0..MESSAGES {
            speaker.say(&room_id, &format!("to irc {number}")).await?;
        }
        anyhow::Ok(())
    };
    let last = format!("to irc {}", MESSAGES - 1);
    let hearing = async {
        heard(&wilma, |line| line.ends_with(&last)).await?;
        Ok(Instant::now())
    };
    let ((), heard_at) = tokio::try_join!(saying, hearing)?;
    let to_irc = Cost::of(MESSAGES, heard_at - begun, stage.server.cpu()? - cpu);

    let (cpu, begun) = (stage.server.cpu()?, Instant::now());
    for number in 0..MESSAGES {
        wilma.say(CHANNEL, &format!("from irc {number}"))?;
    }
    let last = format!("from irc {}", MESSAGES - 1);
    let deadline = begun + PATIENCE;
    loop {
        let newest = alice.messages(&room_id, 1).await?;
        if newest.iter().any(|event| event["content"]["body"] == last.as_str()) {
            break;
        }
        ensure!(Instant::now() < deadline, "{last:?} did not come; the newest is {newest:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let from_irc = Cost::of(MESSAGES, begun.elapsed(), stage.server.cpu()? - cpu);
    let made = self::calls(&stage).await? - calls;
    let took = to_irc.wall + from_irc.wall;
    Ok(vec![
        to_irc.rate("messages from Matrix to IRC"),
        to_irc.cpu("a message from Matrix to IRC"),
        from_irc.rate("messages from IRC to Matrix"),
        from_irc.cpu("a message from IRC to Matrix"),
        Figure::rate("plugin calls", made / took.as_secs_f64()),
    ])
}

async fn heard(person: &IrcPerson, is_meant: impl Fn(&str) -> bool) -> Result<()> {
    person.wait_for("the last line", is_meant).await.map(drop)
}

/// Calls into components so far, as the hub's metrics count them.
async fn calls(stage: &Stage) -> Result<f64> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{}/_synapse/metrics", stage.server.authority());
    let text = http.get(url).send().await?.error_for_status()?.text().await?;
    let counts = text.lines().filter(|line| line.starts_with("causeway_plugin_calls_total"));
    counts
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).context("a count"))
        .sum::<Result<f64>>()
}
