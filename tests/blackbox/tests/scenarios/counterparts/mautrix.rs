//! Two bridges as they are installed: as far as they go without their networks, for which a dead port on loopback stands.

use std::ffi::OsString;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Hub, Program, escape, free_port, scenario, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use super::management::Management;

/// What is particular to one of them.
struct Bridge {
    bot: &'static str,
    /// somebody of its namespace that it has not heard of, and what becomes of who is invited under that name
    ghost: (&'static str, &'static str),
    /// its name in the answer to `version`
    name: &'static str,
    /// what is said to log in, and what comes of it
    login: &'static [(&'static str, Sign)],
    /// what is asked while the bridge is stopped, and the answer
    asked_while_away: (&'static str, &'static str),
}

enum Sign {
    Said(&'static str),
    Logged(&'static str),
}

const TELEGRAM: Bridge = Bridge {
    bot: "telegrambot",
    ghost: ("telegram_1", "invite"),
    name: "mautrix-telegram",
    // It goes on trying to reach its network for longer than anybody here has time.
    login: &[("login", Sign::Said("send your phone number")), ("+15550100", Sign::Logged("Connecting to 127.0.0.1:"))],
    asked_while_away: ("ping", "You're not logged in"),
};

const WHATSAPP: Bridge = Bridge {
    bot: "whatsappbot",
    ghost: ("whatsapp_15550100", "leave"),
    name: "mautrix-whatsapp",
    login: &[
        ("login", Sign::Said("specify a login flow")),
        ("login qr", Sign::Said("Failed to start login")),
        ("login phone", Sign::Said("enter your Phone number")),
        ("+15550100", Sign::Said("Failed to submit input")),
    ],
    asked_while_away: ("list-logins", "not logged in"),
};

#[test]
fn mautrix_telegram_starts_answers_and_starts_again() -> Result<()> {
    scenario(async {
        let scene = Scene::set().await?;
        let mut config = config(&scene)?;
        config["appservice"]["database"] = format!("sqlite:{}", scene.file("bridge.db").display()).into();
        config["telegram"] = json!({
            "api_id": 1, "api_hash": "0123456789abcdef0123456789abcdef",
            "server": {"enabled": true, "dc": 2, "ip": "127.0.0.1", "port": free_port()?},
            "connection": {"timeout": 1, "retries": 0, "retry_delay": 0},
        });
        config["logging"] = json!({
            "version": 1, "formatters": {"normal": {"format": "[%(levelname)s@%(name)s] %(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "normal"}},
            "loggers": {}, "root": {"level": "DEBUG", "handlers": ["console"]},
        });
        live(&scene, &TELEGRAM, &config, |arguments| Program::python_module("mautrix_telegram", arguments)).await
    })
}

#[test]
fn mautrix_whatsapp_starts_answers_and_starts_again() -> Result<()> {
    scenario(async {
        let scene = Scene::set().await?;
        let mut config = config(&scene)?;
        config["network"] = json!({"proxy": format!("http://127.0.0.1:{}", free_port()?)});
        let uri = format!("file:{}?_txlock=immediate", scene.file("bridge.db").display());
        config["database"] = json!({"type": "sqlite3-fk-wal", "uri": uri});
        config["logging"] = json!({"min_level": "debug", "writers": [{"type": "stdout", "format": "pretty"}]});
        live(&scene, &WHATSAPP, &config, |arguments| Program::go("mautrix-whatsapp", arguments)).await
    })
}

/// What both have in their configs.
fn config(scene: &Scene) -> Result<Value> {
    let port = free_port()?;
    Ok(json!({
        "homeserver": {"address": scene.hub.url(), "domain": Hub::SERVER_NAME},
        "appservice": {"address": format!("http://127.0.0.1:{port}"), "hostname": "127.0.0.1", "port": port},
        "bridge": {"permissions": {Hub::SERVER_NAME: "admin"}},
    }))
}

async fn live(
    scene: &Scene,
    bridge: &Bridge,
    config: &Value,
    program: impl Fn(&[OsString]) -> Result<Program>,
) -> Result<()> {
    let alice = &scene.alice;
    let (file, registration) = (scene.file("bridge.yaml"), scene.file("registration.yaml"));
    std::fs::write(&file, config.to_string()).context("writing the bridge's config")?;
    let arguments = ["-c".into(), file.into(), "-r".into(), registration.into()];
    program(&[&arguments[..], &["-g".into()]].concat())?.finish().await?;
    scene.register("registration.yaml").await?;
    let mut process = program(&arguments)?;
    process.start()?;

    // It answers at all only after the hub's ping has reached it.
    let management = Management::open(alice, bridge.bot).await?;
    management.ask("help", "login").await?;
    management.ask("version", bridge.name).await?;
    let bot = format!("@{}:{}", bridge.bot, Hub::SERVER_NAME);
    let profile = alice.get(&format!("/_matrix/client/v3/profile/{}", escape(&bot))).await?;
    ensure!(profile["displayname"].is_string(), "the bot's profile is {profile}");
    let (ghost, wanted) = bridge.ghost;
    let taken = json!({"username": ghost, "password": "secret", "auth": {"type": "m.login.dummy"}});
    let (status, answer) = alice.request(Method::POST, "/_matrix/client/v3/register", Some(&taken)).await?;
    ensure!((status, &answer["errcode"]) == (400, &json!("M_EXCLUSIVE")), "a ghost's name was taken: {answer}");

    // The bridge says that there is nobody of that name, and then has to do with the invite all the same.
    let ghost = format!("@{ghost}:{}", Hub::SERVER_NAME);
    let room_id = alice.create_room(&json!({"is_direct": true, "invite": [ghost]})).await?;
    until("what becomes of the invite", || async {
        let membership = alice.membership(&room_id, &ghost).await?;
        ensure!(membership == wanted, "it is {membership}");
        Ok(())
    })
    .await?;

    for (text, sign) in bridge.login {
        match sign {
            Sign::Said(answer) => management.ask(text, answer).await?,
            Sign::Logged(words) => {
                alice.say(&management.room_id, text).await?;
                until(words, || async { process.log().contains(words).then_some(()).context("not in its log") })
                    .await?;
            }
        }
    }

    process.stop().await?;
    let (text, answer) = bridge.asked_while_away;
    let asked = alice.say(&management.room_id, text).await?;
    process.start()?;
    management.answers(&asked, answer).await?;
    management.ask("version", bridge.name).await?;
    process.stop().await
}
