//! Two client libraries that are not ours live on the emulator, before it may judge the bridge.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{node_script, python_script, scenario, until, watched};
use causeway_emulators::discord::{Discord, Order};
use serde_json::{Value, json};

const BOT: u64 = 70_010_000_000_000_001;
const WILMA: u64 = 11_000_000_000_000_001;
const FRED: u64 = 12_000_000_000_000_001;
const SEND: &str = "POST /channels/:id/messages";

#[test]
fn hikari_lives_on_the_emulator() -> Result<()> {
    scenario(play(|arguments| async move { python_script("discord_judge.py", &arguments).await }))
}

#[test]
fn discord_js_lives_on_the_emulator() -> Result<()> {
    scenario(play(|arguments| async move { node_script("discord_judge.mjs", &arguments).await }))
}

/// The network, its bot, and the channel where both meet.
struct Stage {
    discord: Discord,
    token: String,
    channel: u64,
}

async fn play<F>(judge: impl FnOnce(Value) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let discord = Discord::start()?;
    discord.user(WILMA, "Wilma");
    discord.user(FRED, "Fred");
    let token = discord.bot(BOT, "Harbor");
    let (guild, channel) = discord.guild("Harbor", &[WILMA, FRED, BOT], "quay");
    let emoji = discord.add_emoji(guild, "fish", false, b"a fish");
    discord.set_heartbeat(Duration::from_secs(1));
    let arguments = json!({
        "url": discord.url(), "token": token, "channel": channel.to_string(), "guild": guild.to_string(),
        "user": WILMA.to_string(), "emoji": emoji.to_string(),
    });
    let running = tokio::spawn(watched(judge(arguments)));
    let played = Stage { discord, token, channel }.lead().await;
    if let Err(error) = played {
        // It may have ended by itself, and then knows better why.
        match running.is_finished() {
            true => running.await.context("the judge's task ended")?.with_context(|| format!("{error:#}"))?,
            false => running.abort(),
        }
        return Err(error);
    }
    running.await.context("the judge's task ended")?
}

impl Stage {
    /// Does what the judge is to see, one thing after the other was answered.
    async fn lead(&self) -> Result<()> {
        let Self { discord, token, channel } = self;
        let channel = *channel;
        self.connected(1, 0).await?;
        let hello = discord.say(channel, WILMA, "hello")?;
        until("the greeting to be answered", || async {
            ensure!(!discord.calls("POST /channels/:id/typing").is_empty(), "{:#?}", discord.calls("").last());
            Ok(())
        })
        .await?;
        ensure!(discord.texts(channel, BOT).contains(&"mended".to_owned()), "{:?}", discord.texts(channel, BOT));
        let about = json!({"width": 640, "height": 480});
        discord.post_file(channel, WILMA, json!({}), ("p.png", "image/png", b"a picture"), about)?;
        until("the file to be answered", || async {
            let refused = discord.calls(SEND).iter().any(|call| call.status == 413);
            ensure!(refused, "{:?}", discord.calls(SEND).last());
            Ok(())
        })
        .await?;
        discord.say(channel, WILMA, "others")?;
        self.answered("others: done").await?;
        discord.edit(channel, hello, json!({"content": "hello there"}))?;
        self.answered("edit hello there").await?;
        discord.react(channel, hello, WILMA, "🐟")?;
        self.answered("reaction 🐟").await?;
        discord.type_in(channel, WILMA)?;
        self.answered("typing seen").await?;
        discord.delete(channel, hello)?;
        self.answered("deletion seen").await?;

        // Told to come again, it resumes and is given what it missed.
        discord.order(token, Order::Reconnect);
        discord.say(channel, WILMA, "between two connections")?;
        self.connected(1, 1).await?;
        self.answered("heard between two connections").await?;
        // The line dies without a word: the same.
        discord.order(token, Order::Cut);
        self.connected(1, 2).await?;
        discord.say(channel, WILMA, "after a cut")?;
        self.answered("heard after a cut").await?;
        // The session is no more: it begins another one.
        discord.order(token, Order::Invalid(false));
        self.connected(2, 0).await?;
        discord.say(channel, WILMA, "anew")?;
        self.answered("heard anew").await?;
        ensure!(discord.presence(token).heartbeats < 100, "{:?}", discord.presence(token));
        until("heartbeats", || async {
            ensure!(discord.presence(token).heartbeats > 0, "{:?}", discord.presence(token));
            Ok(())
        })
        .await?;

        discord.limit(SEND, 2, Duration::from_millis(500));
        discord.say(channel, WILMA, "fast")?;
        self.answered("fast 4").await?;
        let fast: Vec<String> =
            discord.texts(channel, BOT).into_iter().filter(|text| text.starts_with("fast")).collect();
        ensure!(fast == ["fast 0", "fast 1", "fast 2", "fast 3", "fast 4"], "{fast:?}");
        discord.say(channel, WILMA, "end")?;
        self.answered("ended").await
    }

    async fn connected(&self, identified: u32, resumed: u32) -> Result<()> {
        until("the judge to be connected", || async {
            let now = self.discord.presence(&self.token);
            ensure!(now.is_open && (now.identified, now.resumed) == (identified, resumed), "{now:?}");
            Ok(())
        })
        .await
    }

    async fn answered(&self, text: &str) -> Result<()> {
        until(&format!("the judge to say {text:?}"), || async {
            let texts = self.discord.texts(self.channel, BOT);
            ensure!(texts.iter().any(|one| one == text), "{texts:?}; {:?}", self.discord.calls("").last());
            Ok(())
        })
        .await
    }
}
