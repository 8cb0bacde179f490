//! Prints a random room, made by the kernel, for judges that are not ours (`tests/judges`).
//!
//! ```text
//! cargo run -p causeway-room --example generate_room -- VERSION EVENTS MUTANTS SEED
//! ```
//!
//! One JSON object a line, `kind` first: `room` (version and public keys), `event` (each attempt, with our verdict),
//! `merge` (states that met and what they resolved to), `mutant` (a spoilt event and what we did with it).

mod mutants;
#[path = "../../tests/simulation/mod.rs"]
mod simulation;

use std::io::{self, BufWriter, Write};

use causeway_room::{Pdu, authorize, check_auth_events, redact::redact, verify::Verified, verify::verify};
use ruma::{
    CanonicalJsonObject, RoomVersionId,
    events::StateEventType,
    serde::Base64,
    signatures::{PublicKeyMap, PublicKeySet},
};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use simulation::{Attempt, Room, dice::Dice};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [version, events, mutants, seed] = &arguments[..] else {
        return Err("usage: generate_room VERSION EVENTS MUTANTS SEED".into());
    };
    let version = RoomVersionId::try_from(version.as_str())?;
    let (events, mutants): (usize, usize) = (events.parse()?, mutants.parse()?);
    let mut dice = Dice(seed.parse()?);
    let mut out = BufWriter::new(io::stdout().lock());

    let mut room = Room::random_start(&version, &mut dice);
    let key =
        |(server, key): (&String, &causeway_room::SigningKey)| (server.clone(), json!({key.id(): key.public_key()}));
    let keys: serde_json::Map<String, serde_json::Value> = room.keys.iter().map(key).collect();
    line(&mut out, &json!({"kind": "room", "version": version, "keys": keys}))?;
    for id in room.order.clone() {
        let pdu = room.events[&id].clone();
        print_attempt(&mut out, &Attempt { pdu, verdict: Ok(()), merge: None })?;
    }
    let mut attempts = 0;
    while room.order.len() < events {
        attempts += 1;
        if attempts > 10 * events {
            return Err(format!("room is stuck at {} events, take another seed", room.order.len()).into());
        }
        let attempt = room.act(&mut dice);
        print_attempt(&mut out, &attempt)?;
    }
    for _ in 0..mutants {
        let (name, text) = mutants::mutate(&room, &mut dice);
        let (verdict, reason) = match receive(&room, &text) {
            Ok(Verified::All) => ("allowed", None),
            Ok(Verified::Signatures) => ("redacted", None),
            Err(error) => ("refused", Some(error.to_string())),
        };
        let pdu: &RawValue = serde_json::from_str(&text)?;
        line(&mut out, &Mutant { kind: "mutant", name, verdict, reason, pdu })?;
    }
    Ok(out.flush()?)
}

#[derive(Serialize)]
struct Event<'a> {
    kind: &'a str,
    id: &'a str,
    allowed: bool,
    reason: Option<String>,
    pdu: &'a RawValue,
}

#[derive(Serialize)]
struct Mutant<'a> {
    kind: &'a str,
    name: &'a str,
    verdict: &'a str,
    reason: Option<String>,
    pdu: &'a RawValue,
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn print_attempt(out: &mut impl Write, attempt: &Attempt) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(merge) = &attempt.merge {
        let states: Vec<Vec<_>> = merge.states.iter().map(|state| state.values().collect()).collect();
        let resolved: Vec<_> = merge.resolved.values().collect();
        line(out, &json!({"kind": "merge", "states": states, "resolved": resolved}))?;
    }
    line(
        out,
        &Event {
            kind: "event",
            id: attempt.pdu.event_id().as_str(),
            allowed: attempt.verdict.is_ok(),
            reason: attempt.verdict.as_ref().err().map(ToString::to_string),
            pdu: serde_json::from_str(attempt.pdu.json())?,
        },
    )?;
    Ok(())
}

/// What a server does with an event that another one sent: format, signatures, hash, and the rules judged by the
/// event's own auth events.
fn receive(room: &Room, text: &str) -> Result<Verified, Box<dyn std::error::Error>> {
    let mut pdu = Pdu::parse(text, room.rules)?;
    let object: CanonicalJsonObject = serde_json::from_str(pdu.json())?;
    let verified = verify(&object, &public_keys(room)?, room.rules)?;
    if verified == Verified::Signatures {
        pdu = Pdu::parse(&redact(pdu.json(), room.rules)?, room.rules)?;
    }
    check_auth_events(room.rules, &pdu, |id| room.fetch(id))?;
    let mut auth_events: Vec<_> = pdu.auth_events().iter().filter_map(|id| room.fetch(id)).collect();
    auth_events.extend(room.fetch(&room.order[0]));
    authorize(room.rules, &pdu, |event_type: &StateEventType, key: &str| {
        let wanted = event_type.to_string();
        auth_events
            .iter()
            .find(|event| event.event_type().to_string() == wanted && event.state_key() == Some(key))
            .cloned()
    })?;
    Ok(verified)
}

fn public_keys(room: &Room) -> Result<PublicKeyMap, ruma::serde::Base64DecodeError> {
    room.keys
        .iter()
        .map(|(server, key)| Ok((server.clone(), PublicKeySet::from([(key.id(), Base64::parse(key.public_key())?)]))))
        .collect()
}
