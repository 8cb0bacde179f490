//! What is promised of a bridged channel, looked up in the room's timeline and in what was heard on IRC.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::speaker::Said;
use super::{LOGINS, PEOPLE};
use crate::campaign::Counts;

const GAP: &str = "The connection to the network was lost";
const SUCCESSION: &str = "Another connection to the network took over";
const DOUBT: &str = "This may not have arrived, retry?";
const FAILED: &str = "This did not arrive";

/// What was said in the channel, as (nick, text), in the server's order.
type Spoken = [(String, String)];

/// A notice of the bridge's bot, and the event that it answers.
struct Notice<'a> {
    body: &'a str,
    about: Option<&'a str>,
}

fn notice(event: &Value) -> Option<Notice<'_>> {
    let content = &event["content"];
    let is_notice = content["msgtype"] == "m.notice" && event["sender"].as_str()?.starts_with("@ircbot:");
    let about = content["m.relates_to"]["m.in_reply_to"]["event_id"].as_str();
    is_notice.then(|| Notice { body: content["body"].as_str().unwrap_or_default(), about })
}

fn doubted(timeline: &[Value]) -> HashSet<&str> {
    let doubts = timeline.iter().filter_map(notice).filter(|notice| notice.body.starts_with(DOUBT));
    doubts.filter_map(|notice| notice.about).collect()
}

/// How often each text was heard on IRC.
fn heard(spoken: &Spoken) -> HashMap<&str, usize> {
    let mut times = HashMap::new();
    for (_, text) in spoken {
        *times.entry(text.as_str()).or_default() += 1;
    }
    times
}

/// Every acknowledged message was heard on IRC, or its sender was told that nobody knows.
pub fn check_settled(timeline: &[Value], own: &[Said], spoken: &Spoken) -> Result<()> {
    let (doubted, heard) = (doubted(timeline), heard(spoken));
    let open: Vec<&str> = own
        .iter()
        .filter(|said| !heard.contains_key(&*said.body) && !doubted.contains(&*said.event_id))
        .map(|said| &*said.body)
        .collect();
    ensure!(open.is_empty(), "neither heard on IRC nor doubted: {open:?}");
    Ok(())
}

/// Nothing was said twice, no login's lines changed their order, and nothing that could have been said failed.
pub fn check_to_irc(timeline: &[Value], own: &[Said], spoken: &Spoken, counts: &mut Counts) -> Result<()> {
    for (text, times) in heard(spoken) {
        ensure!(times == 1, "{text:?} was said on IRC {times} times");
    }
    let failed: Vec<&str> =
        timeline.iter().filter_map(notice).map(|notice| notice.body).filter(|body| body.starts_with(FAILED)).collect();
    ensure!(failed.is_empty(), "messages that failed: {failed:?}");
    for name in LOGINS {
        let numbers: Vec<u64> = spoken.iter().filter_map(|(_, text)| numbered(text, name)).collect();
        ensure!(numbers.is_sorted(), "{name}'s lines changed their order: {numbers:?}");
    }
    let doubted = doubted(timeline);
    let heard = heard(spoken);
    let both = own.iter().filter(|said| doubted.contains(&*said.event_id) && heard.contains_key(&*said.body)).count();
    *counts.entry("messages to IRC").or_default() += own.len() as u64;
    *counts.entry("of them doubted").or_default() += doubted.len() as u64;
    *counts.entry("of these arrived").or_default() += both as u64;
    Ok(())
}

fn numbered(text: &str, name: &str) -> Option<u64> {
    text.strip_prefix(name)?.strip_prefix('-')?.parse().ok()
}

/// Between two gap notices the room has a gapless run of what people said on IRC.
pub fn check_from_irc(timeline: &[Value], spoken: &Spoken, counts: &mut Counts) -> Result<()> {
    let is_person = |nick: &str| PEOPLE.contains(&nick);
    let lines: Vec<&str> = spoken.iter().filter(|(nick, _)| is_person(nick)).map(|(_, text)| text.as_str()).collect();
    let place: BTreeMap<&str, usize> = lines.iter().enumerate().map(|(place, text)| (*text, place)).collect();
    let (mut next, mut fresh) = (0, true);
    let mut brought = 0;
    for event in timeline.iter().filter(|event| event["type"] == "m.room.message") {
        if let Some(notice) = notice(event) {
            ensure!(!notice.body.starts_with(SUCCESSION), "a listener was given up though none had died");
            if notice.body.starts_with(GAP) {
                fresh = true;
                *counts.entry("gap notices").or_default() += 1;
            }
            continue;
        }
        let sender = event["sender"].as_str().unwrap_or_default();
        if !PEOPLE.iter().any(|nick| sender.starts_with(&format!("@irc_{nick}:"))) {
            continue;
        }
        let body = event["content"]["body"].as_str().context("a message without a body")?;
        let at = *place.get(body).with_context(|| format!("{body:?} was never said on IRC"))?;
        ensure!(at >= next, "{body:?} is in the room again, or behind what came later");
        ensure!(fresh || at == next, "before {body:?} {:?} are missing without a notice", &lines[next..at]);
        (next, fresh) = (at + 1, false);
        brought += 1;
    }
    *counts.entry("lines on IRC").or_default() += lines.len() as u64;
    *counts.entry("of them in the room").or_default() += brought;
    Ok(())
}
