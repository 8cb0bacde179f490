//! What breaks beneath the hub: a full disk, a database that goes away, a component that is not what it was. Requests get
//! the documented error, nothing that was acknowledged is lost, and the hub goes on by itself.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Company, Hub, HubOptions, IrcPerson, escape, scenario, until};
use causeway_emulators::appservice::RecordingAppservice;
use causeway_emulators::irc::InspIrcd;
use causeway_emulators::postgres::Postgres;
use reqwest::Method;
use serde_json::{Value, json};

use crate::registrations::doctor;

const ID: &str = "recorder";
const CHANNEL: &str = "#harbor";
const UPLOAD: &str = "/_matrix/media/v3/upload";
const CATCH_UP: Duration = Duration::from_secs(60);

/// A hub with an appservice that hears what alice says in one room.
struct Scene {
    hub: Hub,
    appservice: RecordingAppservice,
    alice: Client,
    room_id: String,
    /// names of the messages that were acknowledged
    said: Vec<String>,
}

impl Scene {
    async fn set(options: HubOptions) -> Result<Self> {
        let hub = Hub::start(options).await?;
        let company = Company::of(&hub, ID).await?;
        let room_id = company.room().await?;
        let Company { appservice, alice, .. } = company;
        Ok(Self { hub, appservice, alice, room_id, said: Vec::new() })
    }

    /// Status and answer of a message whose text is its transaction id.
    async fn try_to_say(&self, name: &str) -> Result<(u16, Value)> {
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{name}", escape(&self.room_id));
        self.alice.request(Method::PUT, &path, Some(&json!({"msgtype": "m.text", "body": name}))).await
    }

    /// Says it under one transaction id until it is taken, as clients do.
    async fn say(&mut self, name: &str) -> Result<()> {
        until(&format!("{name} to be taken"), || async {
            let (status, answer) = self.try_to_say(name).await?;
            ensure!(status == 200, "answered {status} {answer}");
            Ok(())
        })
        .await?;
        self.said.push(name.to_owned());
        Ok(())
    }

    async fn upload(&self) -> Result<(u16, Value)> {
        // Read whole before it is refused: of a body that is cut short the connection ends.
        self.alice.request(Method::POST, UPLOAD, Some(&json!("x".repeat(6_000)))).await
    }

    /// All were said once, in their order, and the appservice heard them so.
    async fn is_whole(&self) -> Result<()> {
        let events = self.alice.messages(&self.room_id, usize::MAX).await?;
        let messages: Vec<&Value> = events.iter().filter(|event| event["type"] == "m.room.message").collect();
        let bodies: Vec<&str> = messages.iter().filter_map(|event| event["content"]["body"].as_str()).collect();
        assert_eq!(bodies, self.said);
        let ids: Vec<String> =
            messages.iter().filter_map(|event| event["event_id"].as_str().map(str::to_owned)).collect();
        let last = ids.last().context("nothing was said")?.clone();
        self.appservice.wait_until(&last, CATCH_UP, |appservice| appservice.event_ids().contains(&last)).await?;
        let heard: Vec<String> = self.appservice.event_ids().into_iter().filter(|id| ids.contains(id)).collect();
        assert_eq!(heard, ids);
        assert_eq!(self.appservice.violations(), Vec::<String>::new());
        Ok(())
    }
}

/// The answer to a request that could not be kept: try again later.
fn is_unavailable((status, answer): &(u16, Value)) -> bool {
    *status == 503 && answer["errcode"] == "M_UNKNOWN" && answer["error"].is_string()
}

#[test]
fn full_disk_refuses_what_it_cannot_keep_and_the_hub_goes_on_when_there_is_room() -> Result<()> {
    scenario(async {
        let mut scene = Scene::set(HubOptions { disk_mib: Some(16), ..HubOptions::default() }).await?;
        for number in 0..20 {
            scene.say(&format!("before-{number}")).await?;
        }
        let filler = scene.hub.disk()?.join("filler");
        fill(&filler)?;
        let mut refused = None;
        for number in 0..2_000 {
            let name = format!("full-{number}");
            let answer = scene.try_to_say(&name).await?;
            if answer.0 != 200 {
                ensure!(is_unavailable(&answer), "a full disk answered {answer:?}");
                refused = Some(name);
                break;
            }
            // There was room in files that had grown before.
            scene.said.push(name);
        }
        let refused = refused.context("the disk did not get full")?;
        for _ in 0..5 {
            let again = scene.try_to_say(&refused).await?;
            ensure!(is_unavailable(&again), "a full disk answered {again:?}");
        }
        let answer = scene.upload().await?;
        ensure!(
            matches!(answer.0, 500 | 503) && answer.1["errcode"] == "M_UNKNOWN",
            "an upload to a full disk answered {answer:?}"
        );
        scene.alice.get("/_matrix/client/v3/account/whoami").await?;
        ensure!(scene.alice.messages(&scene.room_id, 5_000).await?.len() > scene.said.len(), "reading goes on");

        std::fs::remove_file(&filler).context("making room")?;
        scene.say(&refused).await?;
        for number in 0..20 {
            scene.say(&format!("after-{number}")).await?;
        }
        let answer = scene.upload().await?;
        ensure!(answer.0 == 200, "an upload answered {answer:?}");
        scene.is_whole().await
    })
}

/// Takes all the room there is.
fn fill(path: &Path) -> Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).with_context(|| format!("making {}", path.display()))?;
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(())
}

#[test]
fn postgres_that_goes_away_is_told_as_503_and_the_hub_goes_on_when_it_is_back() -> Result<()> {
    scenario(async {
        let mut postgres = Postgres::start()?;
        let database = Some(postgres.database()?);
        let mut scene = Scene::set(HubOptions { database, ..HubOptions::default() }).await?;
        for round in 0..2 {
            for number in 0..10 {
                scene.say(&format!("up-{round}-{number}")).await?;
            }
            postgres.stop();
            let name = format!("down-{round}");
            // Each waits for a connection for a while before it is refused.
            let account_data = format!("/_matrix/client/v3/user/{}/account_data/none", escape(&scene.alice.user_id));
            let empty = json!({});
            let (said, read, made) = tokio::try_join!(
                scene.try_to_say(&name),
                scene.alice.request(Method::GET, &account_data, None),
                scene.alice.request(Method::POST, "/_matrix/client/v3/createRoom", Some(&empty)),
            )?;
            for answer in [said, read, made] {
                ensure!(is_unavailable(&answer), "without its database the hub answered {answer:?}");
            }
            postgres.serve()?;
            scene.say(&name).await?;
        }
        scene.is_whole().await
    })
}

#[test]
fn corrupt_component_is_refused_and_the_pinned_one_goes_on() -> Result<()> {
    scenario(async {
        let server = InspIrcd::start()?;
        let config = || json!({"server": "127.0.0.1", "port": server.port, "tls": false});
        let mut hub = Hub::start(HubOptions::default()).await?;
        let bundled = std::env::var("CAUSEWAY_PLUGIN_DIR").context("run the tests with `cargo xtask test`")?;
        let plugin = hub.folder().join("irc");
        std::fs::create_dir(&plugin).context("making the plugin's folder")?;
        for name in ["irc.wasm", "plugin.yaml", "config.schema.json"] {
            let from = Path::new(&bundled).join("bridges/irc").join(name);
            std::fs::copy(&from, plugin.join(name)).with_context(|| format!("copying {}", from.display()))?;
        }
        let component = plugin.join("irc.wasm");
        let whole = std::fs::read(&component).context("reading the component")?;
        let path = component.to_str().context("a path that is text")?.to_owned();

        std::fs::write(&component, &whole[..whole.len() / 2]).context("corrupting the component")?;
        let refused = hub.install_plugin("irc", &path, config()).await;
        let refused = refused.expect_err("half a component is none").to_string();
        ensure!(refused.contains("irc.wasm"), "the refusal does not name the file: {refused}");
        let shown = hub.command(&["bridge", "show", "irc"]).await.expect_err("nothing was installed").to_string();
        ensure!(shown.contains("there is no bridge irc"), "{shown}");

        std::fs::write(&component, &whole).context("mending the component")?;
        hub.install_plugin("irc", &path, config()).await?;
        let wilma = IrcPerson::connect(server.port, "wilma").await?;
        wilma.join(CHANNEL).await?;
        let alice = hub.user("alice").await?;
        let room_id = hub.enter_irc("irc", &alice, "alicem", CHANNEL).await?;

        hub.terminate().await?;
        std::fs::write(&component, b"no component at all").context("corrupting the component")?;
        hub.serve().await?;
        alice.say(&room_id, "from the copy").await?;
        wilma.wait_to_hear("alicem", CHANNEL, &["from the copy"]).await?;
        let (is_well, said) = doctor(&hub).await?;
        ensure!(!is_well && said.contains("irc.wasm is not the component that was confirmed"), "{said}");
        let refused = hub.command(&["bridge", "upgrade", "irc"]).await.expect_err("it is corrupt").to_string();
        ensure!(refused.contains("irc.wasm"), "the refusal does not name the file: {refused}");
        alice.say(&room_id, "still there").await?;
        wilma.wait_to_hear("alicem", CHANNEL, &["from the copy", "still there"]).await
    })
}

#[test]
fn hub_with_a_mistake_in_its_config_does_not_start_and_names_it() -> Result<()> {
    scenario(async {
        let mut hub = Hub::start(HubOptions::default()).await?;
        hub.terminate().await?;
        let good = std::fs::read_to_string(hub.config()).context("reading the config")?;
        std::fs::write(hub.config(), format!("{good}enable_registratoin: true\n")).context("writing the config")?;
        let refused = hub.command(&["serve"]).await.expect_err("the config has a mistake").to_string();
        ensure!(refused.contains("did you mean \"enable_registration\""), "{refused}");
        std::fs::write(hub.config(), good).context("writing the config")?;
        hub.serve().await?;
        hub.user("alice").await.map(drop)
    })
}
