//! What the running hub says.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Findings;
use crate::cli::client::{Client, Target};
use crate::cli::table::{self, ago, text};

const BASE: &str = "/_causeway/admin/v1";
/// Of a bridge or a login that needs nobody.
const WELL: [&str; 6] = ["STARTING", "CONNECTING", "BACKFILLING", "CONNECTED", "RUNNING", "UNCONFIGURED"];

pub async fn look(target: &Target, findings: &mut Findings) {
    let asked = async {
        let client = Client::new(target)?;
        let registrations = client.get(&format!("{BASE}/registrations")).await?;
        anyhow::Ok((client, registrations))
    };
    let (client, registrations) = match asked.await {
        Ok(answered) => answered,
        Err(error) => return findings.wrong("hub", format!("{error:#}")),
    };
    findings.ok("hub", "answers on its admin socket");
    files(&registrations, findings);
    let looked = async {
        appservices(&client, &registrations, findings).await?;
        queues(&client, findings).await?;
        bridges(&client, findings).await
    };
    if let Err(error) = looked.await {
        findings.wrong("hub", format!("{error:#}"));
    }
}

fn list<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer[key].as_array().map_or(&[], Vec::as_slice)
}

/// Registration files that the hub could not apply.
fn files(registrations: &Value, findings: &mut Findings) {
    let held: Vec<&str> =
        list(registrations, "registrations").iter().filter_map(|registration| registration["held"].as_str()).collect();
    for registration in list(registrations, "registrations").iter().filter(|it| it["held"].is_string()) {
        let (id, waiting) = (text(&registration["id"]), text(&registration["waiting"]));
        let reason = text(&registration["held"]);
        findings.wrong(
            "registrations",
            format!("{id} is held and {waiting} events wait, none is lost; mend its file and send SIGHUP:\n{reason}"),
        );
    }
    let broken = registrations["broken_files"].as_object().into_iter().flatten();
    for (_, reason) in broken.filter(|(_, reason)| !held.contains(&reason.as_str().unwrap_or_default())) {
        let text = format!("a file is not applied; mend it and send SIGHUP:\n{}", text(reason));
        findings.wrong("registrations", text);
    }
}

async fn appservices(client: &Client, registrations: &Value, findings: &mut Findings) -> anyhow::Result<()> {
    for registration in list(registrations, "registrations") {
        if registration["url"].is_null() || registration["held"].is_string() {
            continue;
        }
        let id = text(&registration["id"]);
        let path = table::path(&format!("{BASE}/registrations"), &[&id, "ping"])?;
        match client.post(&path, &json!({})).await {
            Ok(answer) => {
                findings.ok("appservices", format!("{id} answered in {} ms", answer["duration_ms"]));
                states(client, &id, findings).await?;
            }
            Err(error) => {
                let said = format!("{error:#}");
                // Libraries that know no pings answer so.
                if said.ends_with("status 404") || said.ends_with("status 405") {
                    findings.note("appservices", format!("{id} answers, but knows no pings"));
                } else {
                    let mend = if said.ends_with("status 401") || said.ends_with("status 403") {
                        "it does not know our hs_token: give it the file that `causeway registration export` prints"
                    } else {
                        "start it, or mend `url` in its registration"
                    };
                    findings.wrong("appservices", format!("{id}: {said}; {mend}"));
                }
            }
        }
    }
    Ok(())
}

async fn queues(client: &Client, findings: &mut Findings) -> anyhow::Result<()> {
    let answer = client.get(&format!("{BASE}/queues")).await?;
    let before = findings.0.len();
    for queue in list(&answer, "queues") {
        let (id, waiting) = (text(&queue["id"]), text(&queue["waiting"]));
        let oldest = ago(&queue["oldest"]);
        match queue["state"].as_str() {
            Some("held") => findings.wrong(
                "queues",
                format!("{id} takes nothing; {waiting} events wait, the oldest for {oldest}: {}", {
                    text(&queue["last_error"]["reason"])
                }),
            ),
            Some("paused") => findings.note(
                "queues",
                format!("{id} is paused and {waiting} events wait; `causeway registration resume` lets it go on"),
            ),
            _ => {}
        }
        if let Some(dead @ 1..) = queue["dead_letters"].as_u64() {
            findings.wrong(
                "queues",
                format!("{id} could not take {dead} events; `causeway queue dead {id}` lists them with the reasons"),
            );
        }
    }
    if findings.0.len() == before {
        findings.ok("queues", "none is held, paused or has dead letters");
    }
    Ok(())
}

async fn bridges(client: &Client, findings: &mut Findings) -> anyhow::Result<()> {
    let answer = client.get(&format!("{BASE}/bridges")).await?;
    for bridge in list(&answer, "bridges") {
        let id = text(&bridge["bridge"]);
        if bridge["enabled"] == false {
            findings.note("bridges", format!("{id} is disabled; `causeway bridge enable {id}` starts it"));
            continue;
        }
        let before = findings.0.len();
        states(client, &id, findings).await?;
        if let Some(text) = unpinned(bridge) {
            findings.wrong("bridges", format!("{id}: {text}"));
        }
        if findings.0.len() == before {
            findings.ok("bridges", format!("{id} runs with {} logins", bridge["logins"]));
        }
    }
    Ok(())
}

/// What a bridge, inside the hub or behind an appservice, says of itself and of its logins.
async fn states(client: &Client, id: &str, findings: &mut Findings) -> anyhow::Result<()> {
    let states = client.get(&table::path(&format!("{BASE}/bridges"), &[id, "state"])?).await?;
    let logins = states["remoteState"].as_object().into_iter().flatten();
    let logins = logins.map(|(login, state)| (format!("{id}, login {login}"), state));
    let bridge = Some((id.to_owned(), &states["bridgeState"])).filter(|(_, state)| state.is_object());
    for (who, state) in bridge.into_iter().chain(logins) {
        let status = state["state_event"].as_str().unwrap_or_default();
        if !WELL.contains(&status) {
            let text = format!("{who}: {status} ({}) {}", text(&state["error"]), text(&state["message"]));
            findings.wrong("bridges", text);
        }
    }
    Ok(())
}

/// What became of the component whose digest is pinned.
fn unpinned(bridge: &Value) -> Option<String> {
    let (id, file) = (text(&bridge["bridge"]), text(&bridge["component"]));
    let mend = format!("put the old file back, or take this one with `causeway bridge upgrade {id}`");
    match std::fs::read(&file) {
        Err(error) => {
            Some(format!("its component {file} can't be read ({error}); the hub goes on with its own copy; {mend}"))
        }
        Ok(component) if bridge["sha256"] == hex::encode(Sha256::digest(&component)) => None,
        Ok(_) => {
            Some(format!("{file} is not the component that was confirmed; the hub goes on with its own copy; {mend}"))
        }
    }
}
