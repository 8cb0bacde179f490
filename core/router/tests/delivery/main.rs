//! The router on a real database against recording appservices: nothing lost, nothing under a wrong id, nobody held up by
//! somebody else.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic too")]

mod hub;
mod native;
mod repair;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_emulators::appservice::{Behavior, RecordingAppservice};
use causeway_router::{Destination, FileOutcome, QueueError, QueueState, RegistrationError, Settled};
use causeway_store::Position;
use hub::{Data, Hub, PATIENCE, id};
use native::{Ephemeral, Login};
use repair::*;

/// Runs each test on both databases.
macro_rules! on_both_databases {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$name(&super::Data::sqlite());
            })*
        }

        mod postgres {
            $(#[test]
            fn $name() {
                super::$name(&super::Data::postgres());
            })*
        }
    };
}

on_both_databases! {
    a_committed_event_is_delivered_at_once,
    messages_of_an_outage_arrive_in_order_under_one_id_each,
    a_killed_hub_loses_nothing_and_repeats_only_its_transaction_in_flight,
    a_transaction_recorded_behind_another_rooms_event_skips_nothing,
    poison_becomes_a_dead_letter_and_can_be_tried_again,
    an_outage_by_status_buries_nobody,
    a_paused_queue_waits_across_a_restart,
    a_hanging_appservice_holds_up_nobody_else,
    appservices_that_are_not_interested_cost_nothing,
    a_backlog_is_taken_in_full_batches,
    registrations_are_changed_while_running,
    files_of_the_configuration_are_applied_and_reported,
    pending_entries_outlive_a_restart_until_they_are_settled,
    receipts_outlive_a_restart_and_typing_comes_at_once,
    an_hours_tries_of_any_outage_bury_nobody,
    an_event_that_is_never_answered_is_poison_when_others_are_answered,
    a_destination_that_comes_back_is_noticed_though_its_worker_is_woken_all_the_time,
    a_ping_or_a_request_of_its_own_ends_a_long_back_off,
    a_room_that_hangs_delays_no_other_of_an_appservice_with_lanes,
    new_tokens_and_other_changes_of_a_registration_lose_nothing,
    a_new_registration_gets_its_rooms_history_from_a_position,
    a_range_is_replayed_marked_while_live_entries_go_on_and_over_a_restart,
    what_an_admin_lets_lapse_is_not_delivered_and_not_owed,
}

/// Two writers at once are SQLite's own affair; on PostgreSQL the second would wait for the first to be gone.
#[test]
fn what_was_committed_without_a_word_is_delivered_with_the_next() {
    let data = Data::sqlite();
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(&data);
    hub.add(&appservice, "a");
    let mut sent = vec![hub.send(1, "a_ghost", "told")];
    hub.wait_for_events(&appservice, 1);
    sent.push(hub.send_elsewhere(&data, 1, "a_ghost", "not told"));
    sent.push(hub.send(1, "a_ghost", "told again"));
    hub.wait_for_events(&appservice, 3);
    assert_eq!(appservice.event_ids(), sent);
    assert_clean(&appservice);
}

fn messages(hub: &Hub, range: std::ops::Range<usize>, rooms: usize) -> Vec<String> {
    range.map(|number| hub.send(number % rooms, "a_ghost", &number.to_string())).collect()
}

fn assert_clean(appservice: &RecordingAppservice) {
    assert_eq!(appservice.violations(), Vec::<String>::new());
}

fn a_committed_event_is_delivered_at_once(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    let mut sent = vec![hub.send(1, "a_ghost", "first")];
    hub.wait_for_events(&appservice, 1);
    for number in 0..20 {
        sent.push(hub.send(1, "a_ghost", &number.to_string()));
        hub.wait_for_events(&appservice, number + 2);
    }
    hub.send(1, "stranger", "not for it");
    sent.push(hub.send(1, "abot", "by its sender"));
    hub.wait_for_events(&appservice, 22);
    assert_eq!(appservice.event_ids(), sent);
    assert_clean(&appservice);
    let status = hub.wait_for_queue("a", "idle", |status| status.state == QueueState::Idle);
    assert_eq!((status.waiting, status.dead_letters), (0, 0));
}

fn a_transaction_recorded_behind_another_rooms_event_skips_nothing(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    let mut sent = vec![hub.send(3, "a_ghost", "before")];
    hub.wait_for_events(&appservice, 1);
    hub.wait_for_queue("a", "idle", |status| status.state == QueueState::Idle);
    sent.extend(hub.send_crossed_and_die("a", "a_ghost"));
    let hub = Hub::start(data);
    hub.wait(hub.router.resume(&id("a"))).unwrap();
    hub.wait_for_events(&appservice, 3);
    assert_eq!(appservice.event_ids(), sent);
    assert_clean(&appservice);
}

fn messages_of_an_outage_arrive_in_order_under_one_id_each(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    let mut sent = messages(&hub, 0..5, 2);
    hub.wait_for_events(&appservice, 5);
    appservice.stop();
    sent.extend(messages(&hub, 5..40, 2));
    let status = hub.wait_for_queue("a", "held", |status| status.state == QueueState::Held && status.waiting == 35);
    assert!(status.last_error.is_some() && status.in_flight.len() == 1);
    hub.wait(appservice.restart()).unwrap();
    let back = Instant::now();
    hub.wait_for_events(&appservice, 40);
    assert!(back.elapsed() < Duration::from_secs(1), "served {:?} after its return", back.elapsed());
    assert_eq!(appservice.event_ids(), sent);
    assert_clean(&appservice);
}

fn a_killed_hub_loses_nothing_and_repeats_only_its_transaction_in_flight(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let mut hub = Hub::start(data);
    hub.add(&appservice, "a");
    let mut sent = Vec::new();
    for round in 0..4 {
        // slow at first, silent later: both leave a transaction in flight at the kill
        let hang = round >= 2;
        appservice.behave(Behavior { delay: Duration::from_millis(30), hang, ..Behavior::default() });
        sent.extend((0..30).map(|number| hub.send(100 * round + number % 3, "a_ghost", "x")));
        hub.kill();
        appservice.behave(Behavior::default());
        hub = Hub::start(data);
    }
    hub.wait_for_events(&appservice, sent.len());
    hub.wait_for_queue("a", "idle", |status| status.state == QueueState::Idle);
    let came = appservice.event_ids();
    assert_eq!(came.iter().collect::<HashSet<_>>(), sent.iter().collect::<HashSet<_>>());
    assert_eq!(came, sent, "the order of the log");
    assert_clean(&appservice);
}

fn poison_becomes_a_dead_letter_and_can_be_tried_again(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    appservice.behave(Behavior { poison: HashSet::from(["7".to_owned()]), ..Behavior::default() });
    messages(&hub, 0..30, 3);
    hub.wait_for_events(&appservice, 29);
    hub.wait_for_queue("a", "one dead letter", |status| status.dead_letters == 1 && status.waiting == 0);
    let dead = hub.wait(hub.router.dead_letters(&id("a"))).unwrap();
    let [letter] = &dead[..] else { panic!("{dead:?}") };
    assert!(letter.reason.contains("500") && letter.attempts >= 5, "{letter:?}");
    let room: Vec<usize> = numbers(&appservice).into_iter().filter(|number| number % 3 == 1).collect();
    assert_eq!(room, [1, 4, 10, 13, 16, 19, 22, 25, 28], "the poisoned room keeps its order");

    appservice.behave(Behavior::default());
    hub.wait(hub.router.retry(&id("a"), Some(Position(letter.position)))).unwrap();
    hub.wait_for_events(&appservice, 30);
    hub.wait_for_queue("a", "no dead letter", |status| status.dead_letters == 0 && status.waiting == 0);
    assert!(hub.wait(hub.router.retry(&id("a"), Some(Position(letter.position)))).is_err(), "it is none any more");
    assert_clean(&appservice);
}

fn numbers(appservice: &RecordingAppservice) -> Vec<usize> {
    appservice.bodies().iter().map(|body| body.parse().unwrap()).collect()
}

fn an_outage_by_status_buries_nobody(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    for (round, status) in [401, 502, 503, 429].into_iter().enumerate() {
        appservice.behave(Behavior { status: Some(status), ..Behavior::default() });
        let before = appservice.transactions().len();
        messages(&hub, round * 10..round * 10 + 10, 2);
        let tries = |appservice: &RecordingAppservice| appservice.transactions().len() >= before + 6;
        hub.wait(appservice.wait_until("six tries", PATIENCE, tries)).unwrap();
        appservice.behave(Behavior::default());
        hub.wait_for_events(&appservice, round * 10 + 10);
    }
    assert_eq!(numbers(&appservice), (0..40).collect::<Vec<_>>());
    assert_eq!(hub.queue("a").dead_letters, 0);
    assert_clean(&appservice);
}

fn a_paused_queue_waits_across_a_restart(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    hub.wait(hub.router.pause(&id("a"))).unwrap();
    messages(&hub, 0..10, 2);
    let status = hub.wait_for_queue("a", "ten waiting", |status| status.waiting == 10);
    assert_eq!(status.state, QueueState::Paused);
    hub.kill();
    let hub = Hub::start(data);
    let status = hub.wait_for_queue("a", "ten waiting", |status| status.waiting == 10);
    assert_eq!((status.state, appservice.transactions().len()), (QueueState::Paused, 0));
    hub.wait(hub.router.resume(&id("a"))).unwrap();
    hub.wait_for_events(&appservice, 10);
    assert_eq!(numbers(&appservice), (0..10).collect::<Vec<_>>());
}

fn a_hanging_appservice_holds_up_nobody_else(data: &Data) {
    let (hanging, other) = (RecordingAppservice::start().unwrap(), RecordingAppservice::start().unwrap());
    let hub = Hub::start(data);
    hub.add(&hanging, "b");
    hub.add(&other, "a");
    hanging.behave(Behavior { hang: true, hang_pings: true, ..Behavior::default() });
    hub.send(1, "b_ghost", "hangs");
    for number in 0..10 {
        let begun = Instant::now();
        hub.send(1, "a_ghost", "goes on");
        hub.wait_for_events(&other, number + 1);
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(hanging.events().len(), 0);
    hanging.behave(Behavior::default());
    hub.wait_for_events(&hanging, 1);
    assert_clean(&hanging);
}

fn appservices_that_are_not_interested_cost_nothing(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    for number in 0..100 {
        let text = appservice
            .registration(&format!("idle{number}"))
            .replace("as_token: ", &format!("as_token: {number}"))
            .replace("hs_token: ", &format!("hs_token: {number}"));
        hub.wait(hub.registrations.add(&text)).unwrap();
    }
    let queues = hub.wait(hub.router.queue_list()).unwrap();
    let before: Vec<i64> = queues.iter().filter(|queue| queue.id.contains("idle")).map(|queue| queue.cursor).collect();
    assert_eq!(before.len(), 100);
    messages(&hub, 0..50, 5);
    hub.wait_for_events(&appservice, 50);
    let rows = hub.wait(hub.store.destinations()).unwrap();
    let after: Vec<i64> = rows.iter().filter(|row| row.id.contains("idle")).map(|row| row.cursor.0).collect();
    let (mut before, mut after) = (before, after);
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, after, "an idle cursor was written");
    assert_eq!(appservice.event_ids().len(), 50);
}

fn a_backlog_is_taken_in_full_batches(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    hub.wait(hub.router.pause(&id("a"))).unwrap();
    messages(&hub, 0..2_000, 10);
    hub.wait(hub.router.resume(&id("a"))).unwrap();
    let begun = Instant::now();
    hub.wait_for_events(&appservice, 2_000);
    println!("drained 2000 events in {:?}", begun.elapsed());
    assert_eq!(numbers(&appservice), (0..2_000).collect::<Vec<_>>());
    assert!(appservice.transactions().len() <= 25, "{} transactions", appservice.transactions().len());
    assert_clean(&appservice);
}

fn registrations_are_changed_while_running(data: &Data) {
    let (one, two) = (RecordingAppservice::start().unwrap(), RecordingAppservice::start().unwrap());
    let hub = Hub::start(data);
    hub.send(1, "a_ghost", "before it was there");
    hub.add(&one, "a");
    hub.send(1, "a_ghost", "first");
    hub.wait_for_events(&one, 1);
    assert_eq!(one.bodies(), ["first"], "a new registration begins at the head");
    assert!(hub.registrations.by_token(one.as_token()).is_some());
    assert!(hub.registrations.exclusive_owner_of_user("@a_new:h").is_some());
    assert!(hub.registrations.exclusive_owner_of_user("@b_new:h").is_none());

    let conflicting = two.registration("a").replace("id: a\n", "id: b\n").replace("abot", "bbot");
    let refused = hub.wait(hub.registrations.add(&conflicting)).err().expect("it conflicts");
    assert!(matches!(refused, RegistrationError::Conflicts(_)), "{refused}");
    assert!(refused.to_string().contains("\"a\"") && refused.to_string().contains("\"b\""), "{refused}");

    // the same appservice at another place: its queue goes on there
    let moved = one.registration("a").replace(&one.url(), &two.url());
    let moved = moved.replace(
        &format!("hs_token: {}", one.as_token().replace("as-", "hs-")),
        &format!("hs_token: {}", two.as_token().replace("as-", "hs-")),
    );
    hub.wait(hub.registrations.put(&moved)).unwrap();
    hub.send(1, "a_ghost", "second");
    hub.wait_for_events(&two, 1);
    assert_eq!(two.bodies(), ["second"]);

    let rotated = hub.wait(hub.registrations.rotate("a")).unwrap();
    assert!(hub.registrations.by_token(one.as_token()).is_none(), "the old token is void");
    assert!(hub.registrations.by_token(rotated.registration.as_token.expose()).is_some());

    two.stop();
    hub.send(1, "a_ghost", "lapses");
    hub.wait_for_queue("a", "held", |status| status.waiting == 1);
    let removed = hub.wait(hub.registrations.remove("a")).unwrap();
    assert_eq!((removed.lapsed, removed.disabled_in), (1, None));
    assert!(hub.registrations.list().is_empty());

    hub.kill();
    let hub = Hub::start(data);
    assert!(hub.registrations.list().is_empty());
    hub.wait(two.restart()).unwrap();
    hub.add(&two, "a");
    hub.send(2, "a_ghost", "third");
    hub.wait_for_events(&two, 2);
    assert_eq!(two.bodies(), ["second", "third"], "what lapsed does not come back");
}

fn files_of_the_configuration_are_applied_and_reported(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    let (good, broken) = (data.file("good.yaml"), data.file("broken.yaml"));
    std::fs::write(&good, appservice.registration("a")).unwrap();
    std::fs::write(&broken, "id: [").unwrap();
    let paths = [good.clone(), broken.clone(), data.file("missing.yaml")];
    let outcomes = |hub: &Hub, paths: &[std::path::PathBuf]| -> Vec<String> {
        let reports = hub.wait(hub.registrations.apply_files(paths)).unwrap();
        reports
            .iter()
            .map(|report| match &report.outcome {
                FileOutcome::Broken(_) => "broken".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            })
            .collect()
    };
    assert_eq!(outcomes(&hub, &paths), ["added", "broken", "broken"]);
    assert_eq!(outcomes(&hub, &paths), ["unchanged", "broken", "broken"]);
    std::fs::write(&good, appservice.registration("a") + "note: changed\n").unwrap();
    assert_eq!(outcomes(&hub, &paths[..1]), ["changed"]);
    let refused = hub.wait(hub.registrations.rotate("a")).err().expect("its file has the tokens");
    assert!(matches!(&refused, RegistrationError::FromFile { file, .. } if file.ends_with("good.yaml")), "{refused}");

    // Broken, missing, and another's: held, also across a restart; mended: everything comes, in order.
    std::fs::write(&good, "id: a\nurl: [\n").unwrap();
    assert_eq!(outcomes(&hub, &paths[..1]), ["broken"]);
    hub.send(1, "a_ghost", "1");
    let status = hub.wait_for_queue("a", "held", |status| status.state == QueueState::Held && status.waiting == 1);
    let reason = status.last_error.expect("a reason");
    assert!(format!("{reason:?}").contains("good.yaml:"), "{reason:?}");
    std::fs::remove_file(&good).unwrap();
    assert_eq!(outcomes(&hub, &paths[..1]), ["broken"]);
    hub.send(1, "a_ghost", "2");
    hub.kill();
    let hub = Hub::start(data);
    hub.send(1, "a_ghost", "3");
    hub.wait_for_queue("a", "held", |status| status.state == QueueState::Held && status.waiting == 3);
    assert_eq!(outcomes(&hub, &paths[..1]), ["broken"]);
    assert!(hub.registrations.get("a").unwrap().held.as_ref().unwrap().contains("put it back"));
    std::fs::write(&good, appservice.registration("b")).unwrap();
    outcomes(&hub, &paths[..1]);
    assert!(hub.registrations.get("a").unwrap().held.is_some(), "the file speaks for another one");
    assert!(appservice.bodies().is_empty(), "{:?}", appservice.bodies());
    std::fs::write(&good, appservice.registration("a") + "note: changed\n").unwrap();
    assert_eq!(outcomes(&hub, &paths[..1]), ["mended"]);
    hub.wait_for_events(&appservice, 3);
    assert_eq!(appservice.bodies(), ["1", "2", "3"]);
    assert!(hub.registrations.broken().is_empty());

    std::fs::write(&good, appservice.registration("a")).unwrap();
    let removed = hub.wait(hub.registrations.remove("a")).unwrap();
    assert!(removed.disabled_in.is_some());
    assert_eq!(outcomes(&hub, &paths[..1]), ["disabled"]);
    hub.kill();
    let hub = Hub::start(data);
    assert_eq!(outcomes(&hub, &paths[..1]), ["disabled"]);
    assert_eq!(outcomes(&hub, &[]), ["removed"]);
    assert_eq!(outcomes(&hub, &paths[..1]), ["added"]);
}

fn pending_entries_outlive_a_restart_until_they_are_settled(data: &Data) {
    let hub = Hub::start(data);
    let login = Arc::new(Login::new());
    let nid = hub.wait(hub.router.register(Arc::clone(&login) as _)).unwrap();
    hub.curious.lock().unwrap().push(nid);
    let sent: Vec<String> = (0..3).map(|number| hub.send(1, "alice", &number.to_string())).collect();
    let pending = async |hub: &Hub| hub.store.exceptions(nid).await.unwrap();
    let rows = hub.wait_until("three pending on disk", async || pending(&hub).await, |rows| rows.len() == 3);
    assert!(hub.router.settle(login.id(), rows[0].position, &Settled::Done));
    hub.wait_until("two pending on disk", async || pending(&hub).await, |rows| rows.len() == 2);
    assert_eq!(login.offered(), sent.iter().map(|id| (id.clone(), 1)).collect::<Vec<_>>());
    hub.kill();

    let hub = Hub::start(data);
    let login = Arc::new(Login::new());
    hub.wait(hub.router.register(Arc::clone(&login) as _)).unwrap();
    hub.wait_until("both offered again", async || login.offered(), |offered| offered.len() == 2);
    assert_eq!(login.offered(), [(sent[1].clone(), 2), (sent[2].clone(), 2)]);
    assert!(hub.router.settle(login.id(), rows[1].position, &Settled::Done));
    let refused = Settled::Refused { reason: "no such channel".to_owned() };
    assert!(hub.router.settle(login.id(), rows[2].position, &refused));
    hub.wait_until("none pending on disk", async || pending(&hub).await, Vec::is_empty);
    let dead = hub.wait(hub.router.dead_letters(login.id())).unwrap();
    assert_eq!((dead.len(), dead[0].event_id.as_ref()), (1, Some(&sent[2])));
}

fn receipts_outlive_a_restart_and_typing_comes_at_once(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    let source = Arc::new(Ephemeral::default());
    hub.router.set_ephemeral_source(Arc::clone(&source) as _);
    let nid = hub.add(&appservice, "a");
    let kinds = |appservice: &RecordingAppservice| -> Vec<String> {
        let taken = appservice.transactions().into_iter().filter(|transaction| transaction.status == Some(200));
        let events =
            taken.flat_map(|transaction| transaction.body["ephemeral"].as_array().cloned().unwrap_or_default());
        events.map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
    };
    *source.typing.lock().unwrap() = (1, true);
    hub.router.ephemeral_changed(&[nid]);
    hub.wait(appservice.wait_until("typing", PATIENCE, |appservice| kinds(appservice) == ["m.typing"])).unwrap();

    appservice.stop();
    let position = hub.store.position();
    *source.receipt.lock().unwrap() = Some(Position(position.0 + 1));
    hub.router.ephemeral_changed(&[nid]);
    hub.wait_for_queue("a", "held", |status| status.state == QueueState::Held);
    hub.kill();
    let hub = Hub::start(data);
    source.typing.lock().unwrap().0 = 0;
    hub.router.set_ephemeral_source(Arc::clone(&source) as _);
    hub.wait(appservice.restart()).unwrap();
    hub.router.ephemeral_changed(&[nid]);
    let both = |appservice: &RecordingAppservice| kinds(appservice) == ["m.typing", "m.receipt"];
    hub.wait(appservice.wait_until("the receipt", PATIENCE, both)).unwrap();
    assert_clean(&appservice);
}
