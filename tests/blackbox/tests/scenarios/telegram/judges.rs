//! Two client libraries that are not ours live on the emulator, before it may judge the bridge.

use std::future::Future;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{node_script, python_script, scenario, until};
use causeway_emulators::telegram::{ApiError, ChatType, Fault, Telegram};
use serde_json::{Value, json};

const BOT: i64 = 7001;
const WILMA: i64 = 11;
const FRED: i64 = 12;

#[test]
fn aiogram_lives_on_the_emulator() -> Result<()> {
    scenario(play(|arguments| async move { python_script("telegram_judge.py", &arguments).await }))
}

#[test]
fn grammy_lives_on_the_emulator() -> Result<()> {
    scenario(play(|arguments| async move { node_script("telegram_judge.mjs", &arguments).await }))
}

async fn play<F>(judge: impl FnOnce(Value) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let telegram = Telegram::start()?;
    telegram.user(WILMA, "Wilma", "wilma");
    telegram.user(FRED, "Fred", "fred");
    telegram.profile_photo(WILMA, b"her face");
    let token = telegram.bot(BOT, "Harbor bot", "harborbot");
    let chat = telegram.group(ChatType::Supergroup, 5, "Harbor", &[WILMA]);
    let old = telegram.group(ChatType::Group, 6, "Old harbor", &[WILMA]);
    telegram.set_member(chat, WILMA, BOT, "administrator");
    telegram.set_member(old, WILMA, BOT, "administrator");
    let moved_to = telegram.migrate(old, WILMA)?;
    let blocked = telegram.private(&token, FRED);
    telegram.set_member(blocked, FRED, BOT, "kicked");
    let big = telegram.upload("big.iso", "application/octet-stream", b"x", Some(30 << 20));
    let arguments = json!({
        "url": telegram.url(), "token": token, "username": "harborbot", "chat": chat, "user": WILMA, "moved": old,
        "moved_to": moved_to, "blocked": blocked, "big_file": big["file_id"],
    });
    // What came before it asked for kinds of updates is not for it.
    telegram.forget_updates(&token);
    let running = tokio::spawn(causeway_blackbox::watched(judge(arguments)));
    let played = lead(&telegram, &token, chat).await;
    running.await.context("the judge's task ended")??;
    played
}

/// Does what the judge is to see, one thing after the other was answered.
async fn lead(telegram: &Telegram, token: &str, chat: i64) -> Result<()> {
    until("the judge to ask for updates", || async {
        ensure!(telegram.polls(token) > 0, "no poll yet");
        Ok(())
    })
    .await?;
    let bold = json!({"text": "🎈 big", "entities": [{"type": "bold", "offset": 3, "length": 3}]});
    let hello = telegram.post(chat, WILMA, bold)?;
    let taken = || async {
        ensure!(telegram.unconfirmed(token) == 0, "{:#?}", telegram.calls("").last());
        Ok(())
    };
    until("the greeting to be answered", taken).await?;
    telegram.edit(chat, hello, &json!({"text": "🎈 bigger"}))?;
    telegram.react(chat, hello, WILMA, &["👍"])?;
    let mut photo = telegram.upload("p.jpg", "image/jpeg", b"a picture", None);
    (photo["width"], photo["height"]) = (640.into(), 480.into());
    telegram.post(chat, WILMA, json!({"photo": [photo]}))?;
    until("the picture to be answered", taken).await?;
    telegram.say(chat, WILMA, "others")?;
    until("the rest to be sent", taken).await?;
    let sent: Vec<Value> = telegram.messages(chat).into_iter().filter(|message| message["from"]["id"] == BOT).collect();
    ensure!(sent.iter().any(|message| message["text"] == "mended"), "{sent:#?}");
    ensure!(telegram.reactions(chat, hello, BOT) == [json!({"type": "emoji", "emoji": "🔥"})], "no reaction");
    ensure!(telegram.pinned(chat).len() == 1, "nothing is pinned");
    telegram.fault("sendMessage", Fault::Refuse(ApiError::flood(7)));
    telegram.say(chat, WILMA, "errors")?;
    until("the errors to be seen", || async {
        ensure!(!telegram.calls("deleteWebhook").is_empty(), "{:#?}", telegram.calls("").last());
        Ok(())
    })
    .await?;
    telegram.set_member(chat, WILMA, FRED, "member");
    telegram.say(chat, WILMA, "end").map(drop)?;
    until("the end to be confirmed", taken).await
}
