//! A call is one unit of work, and what it asked for happens after its commit.

use std::sync::atomic::Ordering;
use std::time::Duration;

use causeway_engine::connector::{CallError, Outcome};
use causeway_engine::host::{Grant, Host};
use causeway_host::Ceilings;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::setup::{Bed, alice, ceilings, eventually, message, session};

fn open() -> Grant {
    Grant {
        tcp: vec!["tcp://127.0.0.1:*".into()],
        private_networks: true,
        memory_mib: 16,
        kv_mib: 1,
        connections: 2,
        ..Grant::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_of_a_call_are_committed_and_those_of_a_trap_dropped() {
    let bed = Bed::new().await;
    let bridge = bed.enable("effects", open()).await;
    assert_eq!(bridge.memory.row(&bridge.store, "session").as_deref(), Some(b"alice".as_slice()));
    let events = vec![message("$poison", "keep-then-trap"), message("$fine", "hello")];
    let outcomes = bridge.connector.handle_matrix(&alice(), events).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Failed(_), Outcome::Sent(_)]), "{outcomes:?}");
    assert_eq!(bridge.memory.dead(), [("$poison".to_owned(), "trap".to_owned())]);
    assert_eq!(bridge.memory.row(&bridge.store, "kept"), None);
    assert!(bridge.memory.revived.load(Ordering::SeqCst) > 0, "pending events are offered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_that_can_not_be_committed_is_no_fault_of_the_guest() {
    let bed = Bed::new().await;
    let bridge = bed.enable("outage", open()).await;
    bridge.memory.fails.store(true, Ordering::SeqCst);
    let answer = bridge.connector.handle_matrix(&alice(), vec![message("$1", "hello")]).await;
    assert!(matches!(answer, Err(CallError::Failed { reason: "storage" })), "{answer:?}");
    assert!(bridge.memory.dead().is_empty());
    bridge.memory.fails.store(false, Ordering::SeqCst);
    let outcomes = bridge.connector.handle_matrix(&alice(), vec![message("$1", "hello")]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Sent(_)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn event_that_has_ended_by_the_turn_of_its_call_is_not_offered_again() {
    let bed = Bed::new().await;
    let bridge = bed.enable("ended", open()).await;
    bridge.memory.ended.lock().unwrap().insert("$ended".to_owned());
    let ended = || message("$ended", "keep-then-trap");
    let outcomes = bridge.connector.handle_matrix(&alice(), vec![ended(), message("$1", "hello")]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Ignored(_), Outcome::Sent(_)]), "{outcomes:?}");
    let outcomes = bridge.connector.handle_matrix(&alice(), vec![ended()]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Ignored(_)]), "{outcomes:?}");
    assert!(bridge.memory.dead().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_go_both_ways_and_a_poisoned_one_does_not_stop_the_next() {
    let bed = Bed::new().await;
    let bridge = bed.enable("lines", open()).await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = message("$dial", &format!("dial {}", far.local_addr().unwrap()));
    bridge.connector.handle_matrix(&alice(), vec![dial]).await.unwrap();
    let (stream, _) = far.accept().await.unwrap();
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("hello"));

    to.write_all(b"one\r\ntrap\r\ntwo\r\n").await.unwrap();
    let row = |key: &'static str| {
        let (memory, store) = (bridge.memory.clone(), bridge.store.clone());
        move || memory.row(&store, key)
    };
    eventually("the line behind the poisoned one", row("line/two")).await;
    assert!(bridge.memory.row(&bridge.store, "line/one").is_some());
    assert_eq!(bridge.memory.dead(), [("frame".to_owned(), "trap".to_owned())]);

    drop((lines, to));
    let closed = eventually("the end of the connection", row("closed")).await;
    assert!(closed.starts_with(b"1 "), "one frame was written: {:?}", String::from_utf8_lossy(&closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_connection_is_reported_with_nothing_written() {
    let bed = Bed::new().await;
    let bridge = bed.enable("refused", open()).await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = far.local_addr().unwrap();
    drop(far);
    bridge.connector.handle_matrix(&alice(), vec![message("$dial", &format!("dial {place}"))]).await.unwrap();
    let closed = eventually("the refusal", || bridge.memory.row(&bridge.store, "closed")).await;
    assert!(closed.starts_with(b"0 "), "{:?}", String::from_utf8_lossy(&closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_timer_rings_once_and_its_row_goes_with_the_delivery() {
    let bed = Bed::new().await;
    let bridge = bed.enable("timer", open()).await;
    bridge.connector.handle_matrix(&alice(), vec![message("$timer", "timer tea")]).await.unwrap();
    eventually("the timer", || bridge.memory.row(&bridge.store, "rang/tea")).await;
    eventually("the end of its row", || (bridge.memory.timers() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_outlives_the_store_of_an_idle_login() {
    let bed = Bed::with(Ceilings { idle: Duration::from_millis(30), ..ceilings() }).await;
    let bridge = bed.enable("idle", open()).await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = message("$dial", &format!("dial {}", far.local_addr().unwrap()));
    bridge.connector.handle_matrix(&alice(), vec![dial]).await.unwrap();
    let (mut stream, _) = far.accept().await.unwrap();
    eventually("sleep", || {
        let logs = bed.plugins.logs(&bridge.store.bridge, 100);
        logs.iter().any(|line| line == "host [alice] asleep").then_some(())
    })
    .await;
    stream.write_all(b"last\r\n").await.unwrap();
    eventually("the last line", || bridge.memory.row(&bridge.store, "line/last")).await;
    assert!(bridge.memory.revived.load(Ordering::SeqCst) > 0, "pending events are offered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_bridge_takes_no_calls_and_keeps_its_log() {
    let bed = Bed::new().await;
    let bridge = bed.enable("off", open()).await;
    bed.plugins.disable(&bridge.store.bridge).await;
    let answer = bridge.connector.handle_matrix(&alice(), vec![message("$1", "hello")]).await;
    assert!(matches!(answer, Err(CallError::Disabled)), "{answer:?}");
    assert!(!bed.plugins.logs(&bridge.store.bridge, 10).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_login_is_not_logged_in() {
    let bed = Bed::new().await;
    let bridge = bed.enable("unknown", open()).await;
    let answer = bridge.connector.handle_matrix(&session("bob").login, vec![message("$1", "hello")]).await;
    assert!(matches!(answer, Err(CallError::Remote(_))), "{answer:?}");
}
