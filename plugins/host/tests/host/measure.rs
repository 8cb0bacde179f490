//! What a call costs. Not a test: run it by name, with `--ignored --nocapture`.

use std::time::Instant;

use causeway_engine::host::{Grant, Host};

use crate::setup::{Bed, ceilings, message, session};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints numbers and asserts nothing"]
async fn measure() {
    let bed = Bed::alone().await;
    let plugin = &bed.plugin;
    let started = Instant::now();
    bed.plugins.check(&plugin.component, &plugin.sha256, "{}").await.unwrap();
    println!("load from the cache and check-config: {:?}", started.elapsed());

    let bed = Bed::with(ceilings()).await;
    let bridge = bed.enable("measure", Grant { memory_mib: 16, kv_mib: 1, ..Grant::default() }).await;
    let before = resident();
    let started = Instant::now();
    for login in 0..200 {
        bridge.connector.connect(&session(&format!("login{login}"))).await.unwrap();
    }
    println!("Store made, started and connected: {:?} each", started.elapsed() / 200);
    println!("idle Store: {} KiB resident each", (resident() - before) / 200);

    let login = "login7".into();
    let started = Instant::now();
    for call in 0..5_000 {
        bridge.connector.handle_matrix(&login, vec![message(&call.to_string(), "hello")]).await.unwrap();
    }
    println!(
        "handle-matrix with commit, one after the other: {:.0} a second",
        5_000.0 / started.elapsed().as_secs_f64()
    );
    let events: Vec<_> = (0..50).map(|event| message(&event.to_string(), "hello")).collect();
    let started = Instant::now();
    for _ in 0..200 {
        bridge.connector.handle_matrix(&login, events.clone()).await.unwrap();
    }
    println!("events in batches of 50: {:.0} a second", 10_000.0 / started.elapsed().as_secs_f64());
}

/// KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
