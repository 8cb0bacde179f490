//! Each limit stops what it is meant for, has its reason in the answer, the log and the metrics, and a second bridge
//! answers all its calls meanwhile.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_engine::connector::{CallError, ErrorKind, Outcome, StoreId};
use causeway_engine::host::{Grant, Host};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::io::AsyncReadExt;

use crate::setup::{Bed, Bridge, alice, eventually, message};

fn metrics() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// What the answer to a message that misbehaves is to be.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// the call is ended
    Ended,
    /// the host function answers this, and the guest goes on
    Refused(ErrorKind),
    /// nothing comes of it
    Harmless,
}

async fn misbehave(id: &str, text: &str, reason: &str, expect: Expect, grant: Grant) -> Bridge {
    metrics();
    let bed = Bed::new().await;
    let hostile = bed.enable(id, grant.clone()).await;
    let good = bed.enable(&format!("{id}-good"), grant).await;
    let over = AtomicBool::new(false);
    let meanwhile = async {
        let mut answered = 0;
        while !over.load(Ordering::SeqCst) || answered == 0 {
            let event = message(&format!("$good{answered}"), "hello");
            let login = alice();
            let call = good.connector.handle_matrix(&login, vec![event]);
            let outcomes = tokio::time::timeout(Duration::from_secs(5), call).await.expect("the good bridge hangs");
            assert!(matches!(outcomes.unwrap()[..], [Outcome::Sent(_)]));
            answered += 1;
            tokio::task::yield_now().await;
        }
    };
    let ordeal = async {
        let outcome = hostile.connector.handle_matrix(&alice(), vec![message("$bad", text)]).await;
        over.store(true, Ordering::SeqCst);
        outcome
    };
    let (outcome, ()) = tokio::join!(ordeal, meanwhile);
    let logs = bed.plugins.logs(&hostile.store.bridge, 1_000);
    match (expect, outcome) {
        (Expect::Ended, Ok(outcomes)) => {
            assert!(matches!(outcomes[..], [Outcome::Failed(_)]), "{outcomes:?}; log: {logs:#?}");
            assert_eq!(hostile.memory.dead(), [("$bad".to_owned(), reason.to_owned())]);
        }
        (Expect::Refused(kind), Ok(outcomes)) => match &outcomes[..] {
            [Outcome::Failed(error)] => assert_eq!(error.kind, kind, "{}", error.message),
            other => panic!("{other:?}; log: {logs:#?}"),
        },
        (Expect::Harmless, Ok(outcomes)) => assert!(matches!(outcomes[..], [Outcome::Sent(_)]), "{outcomes:?}"),
        (_, Err(error)) => panic!("{error}; log: {logs:#?}"),
    }
    let line = format!("limit [alice] {reason}: ");
    assert!(logs.iter().any(|kept| kept.starts_with(&line)), "no {line:?} in {logs:#?}");
    let sample = format!("causeway_plugin_limits_total{{bridge=\"{id}\",reason=\"{reason}\"}}");
    assert!(metrics().render().contains(&sample), "no {sample}");
    let again = hostile.connector.handle_matrix(&alice(), vec![message("$after", "hello")]).await.unwrap();
    assert!(matches!(again[..], [Outcome::Sent(_)]), "the bridge works again: {again:?}");
    hostile
}

fn grant() -> Grant {
    Grant {
        http: vec!["http://127.0.0.1:*".into()],
        tcp: vec!["tcp://127.0.0.1:*".into()],
        memory_mib: 16,
        kv_mib: 1,
        connections: 2,
        ..Grant::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_loop_ends_at_the_cpu_limit() {
    misbehave("loop", "endless-loop", "cpu", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_sleep_ends_at_the_wall_limit() {
    misbehave("sleep", "endless-sleep", "wall", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_wait_for_an_answer_ends_at_the_wall_limit() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!("get http://{}/", silent.local_addr().unwrap());
    let open = Grant { private_networks: true, ..grant() };
    misbehave("wait", &text, "wall", Expect::Refused(ErrorKind::Timeout), open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_bomb_ends_at_the_memory_limit() {
    misbehave("memory", "memory-bomb", "memory", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handle_bomb_ends_at_the_table_limit() {
    misbehave("table", "handle-bomb", "table", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn table_bomb_is_refused_when_it_is_installed() {
    metrics();
    let bed = Bed::new().await;
    let bomb = bed.plugins.find("table-bomb").await.unwrap();
    let error = bed.plugins.check(&bomb.component, &bomb.sha256, "{}").await.unwrap_err();
    assert!(error.to_string().ends_with("fails before it is started (table)"), "{error}");
    assert!(metrics().render().contains("causeway_plugin_limits_total{bridge=\"install\",reason=\"table\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_recursion_ends_at_the_stack_limit() {
    misbehave("stack", "deep-recursion", "stack", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_on_every_call_becomes_a_dead_letter() {
    misbehave("trap", "trap", "trap", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_ends_the_guest_and_nothing_else() {
    misbehave("exit", "exit", "exit", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timer_bomb_ends_at_the_timer_limit() {
    misbehave("timers", "timer-bomb", "timers", Expect::Ended, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_flood_is_dropped_beyond_the_rate() {
    misbehave("log", "log-flood", "log", Expect::Harmless, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_http_host_is_refused() {
    let text = "get http://evil.example/";
    misbehave("http", text, "http-host", Expect::Refused(ErrorKind::Forbidden), grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_address_is_refused_even_where_its_name_is_granted() {
    let text = "get http://127.0.0.1:1/";
    misbehave("private", text, "private-address", Expect::Refused(ErrorKind::Forbidden), grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_network_host_is_refused() {
    let text = "dial evil.example:6667";
    misbehave("net", text, "net-host", Expect::Refused(ErrorKind::Forbidden), grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file_can_be_neither_read_nor_written() {
    misbehave("file", "file", "file", Expect::Harmless, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ghost_id_that_is_no_id_is_refused() {
    let expect = Expect::Refused(ErrorKind::BadRequest);
    misbehave("namespace", "foreign-namespace", "namespace", expect, grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_key_is_not_there_and_a_reserved_one_is_refused() {
    let text = "foreign-key secret-of-other";
    let bridge = misbehave("key", text, "kv-key", Expect::Refused(ErrorKind::BadRequest), grant()).await;
    let other = StoreId { login: Some("other".into()), ..bridge.store.clone() };
    bridge.memory.put(&other, "secret-of-other", b"x");
    let outcomes = bridge.connector.handle_matrix(&alice(), vec![message("$key", text)]).await.unwrap();
    assert!(
        matches!(&outcomes[..], [Outcome::Failed(error)] if error.kind == ErrorKind::BadRequest),
        "the reserved key is refused, and the foreign one was not found before: {outcomes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn key_values_end_at_the_quota() {
    misbehave("quota", "kv-bomb", "kv-quota", Expect::Refused(ErrorKind::Quota), grant()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_and_arguments_are_empty_and_sockets_lead_nowhere() {
    let bed = Bed::new().await;
    let bridge = bed.enable("wasi", grant()).await;
    for text in ["environment", "socket"] {
        let outcomes = bridge.connector.handle_matrix(&alice(), vec![message(text, text)]).await.unwrap();
        assert!(matches!(outcomes[..], [Outcome::Sent(_)]), "{text}: {outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_ghost_lands_in_the_bridges_own_namespace() {
    let bed = Bed::new().await;
    let bridge = bed.enable("hostile", grant()).await;
    let events = vec![message("$ghost", "foreign-ghost")];
    let outcomes = bridge.connector.handle_matrix(&alice(), events).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Sent(_)]), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_result_ends_at_the_answer_limit() {
    metrics();
    let bed = Bed::new().await;
    let bridge = bed.enable("huge", grant()).await;
    let error = bridge.connector.search(&alice(), "huge").await.unwrap_err();
    assert!(matches!(error, CallError::Failed { reason: "answer" }), "{error:?}");
    let logs = bed.plugins.logs(&bridge.store.bridge, 100);
    assert!(logs.iter().any(|line| line.starts_with("limit [alice] answer: ")), "{logs:#?}");
    assert!(metrics().render().contains("causeway_plugin_limits_total{bridge=\"huge\",reason=\"answer\"}"));
    // A caller who waits is told at once while the Store backs off; a message waits for it.
    let outcomes = bridge.connector.handle_matrix(&alice(), vec![message("$after", "hello")]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Sent(_)]));
    assert_eq!(bridge.connector.search(&alice(), "one").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_end_at_what_was_granted() {
    metrics();
    let bed = Bed::new().await;
    let bridge = bed.enable("connections", Grant { private_networks: true, ..grant() }).await;
    let far = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!("dial {}", far.local_addr().unwrap());
    let mut held = Vec::new();
    for id in ["$1", "$2"] {
        bridge.connector.handle_matrix(&alice(), vec![message(id, &text)]).await.unwrap();
        let (mut stream, _) = far.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        held.push(stream);
    }
    let outcomes = bridge.connector.handle_matrix(&alice(), vec![message("$3", &text)]).await.unwrap();
    assert!(matches!(&outcomes[..], [Outcome::Failed(error)] if error.kind == ErrorKind::Quota), "{outcomes:?}");
    eventually("the metric", || {
        metrics().render().contains("limits_total{bridge=\"connections\",reason=\"connections\"}").then_some(())
    })
    .await;
}
