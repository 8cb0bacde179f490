use serde_json::Value;

use super::table::{at, text};

/// One paragraph for each event, then what is not in its room yet, then what was given up.
pub fn print(answer: &Value) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for event in list(&answer["events"]) {
        let id = text(&event["event_id"]);
        println!("{id}: {} by {}", text(&event["type"]), text(&event["sender"]));
        println!("  committed {} at position {} in {}", at(&event["at"]), event["position"], text(&event["room_id"]));
        if event["chat"].is_object() {
            println!("  chat {}", chat(&event["chat"]));
        }
        match event["direction"].as_str() {
            Some("from_network") => println!("  it comes from the network"),
            Some("to_network") => println!("  it is for the network"),
            _ => println!("  it is nothing for the network: {}", text(&event["not_for_network"])),
        }
        for (destination, delivery) in answer["deliveries"][&id].as_object().into_iter().flatten() {
            let mut line = format!("  {destination}: {}", text(&delivery["state"]));
            if delivery["attempts"].as_u64().is_some_and(|attempts| attempts > 1) {
                line += &format!(", try {}", delivery["attempts"]);
            }
            if let Some(txn_id) = delivery["txn_id"].as_str() {
                line += &format!(", transaction {txn_id}");
            }
            if let Some(reason) = delivery["reason"].as_str() {
                line += &format!(" ({reason})");
            }
            println!("{line}");
        }
        for call in list(&event["calls"]) {
            let (login, outcome) = (text(&call["login"]), text(&call["outcome"]));
            let when = at(&call["at"]);
            println!("  call for {login}, try {}, {when}: {outcome} after {} ms", call["attempt"], call["duration_ms"]);
        }
        for send in list(&event["sends"]) {
            let mut line = format!("  the network, by {}: {}", text(&send["login"]), text(&send["status"]));
            if let Some(reason) = send["reason"].as_str() {
                line += &format!(" ({reason})");
            }
            println!("{line}");
        }
        for login in list(&event["awaited"]) {
            println!("  its sender waits to be told how it ends, by {}", text(&login));
        }
        for remote in list(&event["remote"]) {
            let part = remote["part"].as_str().map(|part| format!(", part {part}")).unwrap_or_default();
            println!("  on the network: {}{part} in {}", text(&remote["id"]), text(&remote["chat"]));
        }
    }
    for work in list(&answer["inbox"]) {
        println!("taken from the network for {}, not in its room yet: {}", text(&work["login"]), chat(&work["chat"]));
    }
    for letter in list(&answer["dead_letters"]) {
        println!("given up {}: {}", at(&letter["at"]), text(&letter["reason"]));
    }
}

fn chat(key: &Value) -> String {
    match key["receiver"].as_str() {
        Some(receiver) => format!("{} of {receiver}", text(&key["id"])),
        None => text(&key["id"]),
    }
}
