//! What an admin mends: replays, lapses, skipped entries; and what mends itself.

use std::cell::Cell;

use causeway_emulators::appservice::WRONG_TOKEN;
use causeway_store::DestinationNid;

use super::*;

pub fn an_hours_tries_of_any_outage_bury_nobody(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let mut timing = hub::timing();
    timing.back_off_limit = Duration::from_millis(20);
    let hub = Hub::start_with(data, timing, Duration::from_secs(2));
    hub.add(&appservice, "a");
    let tries = async || hub.router.queue_show(&id("a")).await.unwrap().in_flight.first().map_or(0, |t| t.attempt);
    for (round, status) in [401, 502, 429].into_iter().enumerate() {
        appservice.behave(Behavior { status: Some(status), ping_status: Some(status), ..Behavior::default() });
        messages(&hub, round * 10..round * 10 + 10, 3);
        hub.wait_until("an hour's tries", tries, |tries| *tries > 65);
        appservice.behave(Behavior::default());
        hub.wait_for_events(&appservice, round * 10 + 10);
    }
    appservice.stop();
    messages(&hub, 30..40, 3);
    hub.wait_until("an hour's tries", tries, |tries| *tries > 65);
    hub.wait(appservice.restart()).unwrap();
    hub.wait_for_events(&appservice, 40);
    assert_eq!(numbers(&appservice), (0..40).collect::<Vec<_>>());
    let status = hub.wait_for_queue("a", "idle", |status| status.state == QueueState::Idle);
    assert_eq!((status.dead_letters, status.waiting), (0, 0));
    assert_clean(&appservice);
}

pub fn an_event_that_is_never_answered_is_poison_when_others_are_answered(data: &Data) {
    for hang_pings in [false, true] {
        let appservice = RecordingAppservice::start().unwrap();
        let hub = Hub::start_with(data, hub::timing(), Duration::from_millis(500));
        let name = format!("a{}", u8::from(hang_pings));
        hub.add(&appservice, &name);
        let hang_on = HashSet::from(["3".to_owned()]);
        appservice.behave(Behavior { hang_on, hang_pings, ..Behavior::default() });
        let ghost = format!("{name}_ghost");
        for number in 0..12 {
            hub.send(number % 2 + 10 * usize::from(hang_pings), &ghost, &number.to_string());
        }
        // what is taken in between tells poison from an outage
        let more = Cell::new(12);
        let show = async || hub.router.queue_show(&id(&name)).await.unwrap();
        hub.wait_until("one dead letter", show, |status| {
            if status.dead_letters == 0 && status.waiting <= 6 {
                hub.send(10 * usize::from(hang_pings), &ghost, &more.get().to_string());
                more.set(more.get() + 2);
            }
            status.dead_letters == 1 && status.waiting == 0
        });
        let odd: Vec<usize> = numbers(&appservice).into_iter().filter(|number| number % 2 == 1).collect();
        assert_eq!(odd, [1, 5, 7, 9, 11]);
        let even: Vec<usize> = numbers(&appservice).into_iter().filter(|number| number % 2 == 0).collect();
        assert_eq!(even, (0..more.get()).step_by(2).collect::<Vec<_>>());
        appservice.behave(Behavior::default());
        assert_eq!(hub.wait(hub.router.retry(&id(&name), None)).unwrap(), 1);
        hub.wait_until("the mended one", async || numbers(&appservice), |numbers| numbers.last() == Some(&3));
        assert_clean(&appservice);
    }
}

pub fn a_destination_that_comes_back_is_noticed_though_its_worker_is_woken_all_the_time(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let mut timing = hub::timing();
    (timing.back_off, timing.back_off_limit) = (Duration::from_secs(30), Duration::from_secs(60));
    timing.probe = Duration::from_millis(200);
    let hub = Hub::start_with(data, timing, Duration::from_secs(2));
    hub.add(&appservice, "a");
    messages(&hub, 0..1, 1);
    hub.wait_for_events(&appservice, 1);
    appservice.stop();
    messages(&hub, 1..2, 1);
    hub.wait_for_queue("a", "held", |status| status.state == QueueState::Held);
    hub.wait(appservice.restart()).unwrap();
    let back = Instant::now();
    let mut number = 2;
    while appservice.events().len() < 2 {
        messages(&hub, number..number + 1, 1);
        number += 1;
        assert!(back.elapsed() < Duration::from_secs(2), "not noticed");
    }
    hub.wait_for_events(&appservice, number);
    assert_eq!(numbers(&appservice), (0..number).collect::<Vec<_>>());
    assert_clean(&appservice);
}

pub fn a_ping_or_a_request_of_its_own_ends_a_long_back_off(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let mut timing = hub::timing();
    (timing.back_off, timing.back_off_limit) = (2 * PATIENCE, 2 * PATIENCE);
    timing.probe = 2 * PATIENCE;
    let hub = Hub::start_with(data, timing, Duration::from_secs(2));
    let nid = hub.add(&appservice, "a");
    let signs: [fn(&causeway_router::Router, DestinationNid); 2] =
        [|router, nid| router.returned(nid), |router, nid| router.alive(nid)];
    for (number, sign) in signs.into_iter().enumerate() {
        appservice.stop();
        messages(&hub, number..number + 1, 1);
        hub.wait_for_queue("a", "held", |status| status.state == QueueState::Held);
        hub.wait(appservice.restart()).unwrap();
        sign(&hub.router, nid);
        hub.wait_for_events(&appservice, number + 1);
    }
    assert_eq!(numbers(&appservice), [0, 1]);
    assert_clean(&appservice);
}

pub fn a_range_is_replayed_marked_while_live_entries_go_on_and_over_a_restart(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    let sent = messages(&hub, 0..30, 3);
    hub.wait_for_events(&appservice, 30);
    hub.wait_for_queue("a", "idle", |status| status.state == QueueState::Idle);
    let position = |hub: &Hub, event: &str| hub.wait(hub.store.entry(event)).unwrap().unwrap().position;
    let (from, until) = (position(&hub, &sent[5]), position(&hub, &sent[24]));
    let before = appservice.transactions().len();
    appservice.behave(Behavior { status: Some(503), ..Behavior::default() });
    assert_eq!(hub.wait(hub.router.replay(&id("a"), Some(from), Some(until))).unwrap(), 20);
    let refused = hub.wait(hub.router.replay(&id("a"), None, None)).unwrap_err();
    assert!(matches!(refused, QueueError::Replaying(_)), "{refused}");
    hub.wait_for_queue("a", "held", |status| status.state == QueueState::Held && status.replay.is_some());
    hub.kill();

    appservice.behave(Behavior::default());
    let hub = Hub::start(data);
    messages(&hub, 30..40, 3);
    hub.wait_for_queue("a", "the replay's end", |status| status.replay.is_none() && status.waiting == 0);
    hub.wait_for_events(&appservice, 40);
    let (mut live, mut again) = (Vec::new(), Vec::new());
    for transaction in appservice.transactions().into_iter().skip(before).filter(|t| t.status == Some(200)) {
        for event in transaction.body["events"].as_array().unwrap() {
            let number: usize = event["content"]["body"].as_str().unwrap().parse().unwrap();
            match event["unsigned"]["io.causeway.redelivery"].as_str() {
                Some("replay") => again.push(number),
                None => live.push(number),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(again, (5..25).collect::<Vec<_>>());
    assert_eq!(live, (30..40).collect::<Vec<_>>());
    assert_clean(&appservice);
    let beyond = Position(hub.store.position().0 + 5);
    let nothing = hub.wait(hub.router.replay(&id("a"), Some(beyond), None)).unwrap_err();
    assert!(matches!(nothing, QueueError::EmptyReplay { .. }), "{nothing}");
}

pub fn what_an_admin_lets_lapse_is_not_delivered_and_not_owed(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    appservice.behave(Behavior { poison: HashSet::from(["0".to_owned()]), ..Behavior::default() });
    messages(&hub, 0..4, 2);
    hub.wait_for_queue("a", "a dead letter", |status| status.dead_letters == 1 && status.waiting == 0);
    hub.wait(hub.router.pause(&id("a"))).unwrap();
    let sent = messages(&hub, 4..1_004, 2);
    let until = hub.wait(hub.store.entry(&sent[899])).unwrap().unwrap().position;
    let lapsed = hub.wait(hub.router.lapse(&id("a"), Some(until))).unwrap();
    assert_eq!((lapsed.entries, lapsed.dead_letters, lapsed.waiting), (900, 1, 100));
    hub.kill();
    let hub = Hub::start(data);
    hub.wait(hub.router.resume(&id("a"))).unwrap();
    hub.wait_for_events(&appservice, 103);
    let came = numbers(&appservice);
    assert_eq!((&came[..3], &came[3..]), (&[1, 3, 2][..], &(904..1_004).collect::<Vec<_>>()[..]));
    hub.wait_for_queue("a", "nothing to wait", |status| status.waiting == 0);
    let lapsed = hub.wait(hub.router.lapse(&id("a"), None)).unwrap();
    assert_eq!((lapsed.entries, lapsed.waiting), (0, 0));
    assert_clean(&appservice);
}

pub fn a_room_that_hangs_delays_no_other_of_an_appservice_with_lanes(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let mut hub = Hub::start_with(data, hub::timing(), PATIENCE);
    let registration = format!("{}io.causeway.lanes: 3\n", appservice.registration("a"));
    hub.wait(hub.registrations.add(&registration)).unwrap();
    appservice.behave(Behavior { hang_on: HashSet::from(["0".to_owned()]), ..Behavior::default() });
    messages(&hub, 0..40, 4);
    let is_hanging = |number: &usize| number.is_multiple_of(4);
    hub.wait_for_events(&appservice, 30);
    assert!(!numbers(&appservice).iter().any(is_hanging));
    hub.wait_for_queue("a", "one room to wait", |status| status.waiting == 10 && status.in_flight.len() == 1);
    hub.kill();
    let before = appservice.transactions().len();
    appservice.behave(Behavior::default());
    hub = Hub::start_with(data, hub::timing(), PATIENCE);
    messages(&hub, 40..48, 4);
    hub.wait_for_events(&appservice, 48);
    hub.wait_for_queue("a", "idle", |status| status.state == QueueState::Idle && status.lanes.is_empty());
    // the next hub makes rooms of its own
    for (range, room) in [0..40, 40..48].into_iter().flat_map(|range| (0..4).map(move |room| (range.clone(), room))) {
        let is_here = |number: &usize| range.contains(number) && number % 4 == room;
        let came: Vec<usize> = numbers(&appservice).into_iter().filter(is_here).collect();
        assert_eq!(came, range.clone().filter(is_here).collect::<Vec<_>>());
    }
    let (first, again) = (appservice.transactions(), appservice.transactions().split_off(before));
    let ids: HashSet<_> = first[..before].iter().map(|transaction| &transaction.txn_id).collect();
    let repeated = again.iter().filter(|transaction| ids.contains(&transaction.txn_id)).count();
    assert!(repeated <= 3, "{repeated} transactions were repeated, three can be in flight");
    assert_clean(&appservice);
}

/// About 50 events a second flow meanwhile.
pub fn new_tokens_and_other_changes_of_a_registration_lose_nothing(data: &Data) {
    let appservice = RecordingAppservice::start().unwrap();
    let hub = Hub::start(data);
    hub.add(&appservice, "a");
    let current = || hub.registrations.get("a").unwrap().registration.to_yaml();
    let with = |old: &str, new: &str| {
        let changed = current().replace(old, new);
        assert_ne!(changed, current());
        hub.wait(hub.registrations.put(&changed)).unwrap();
    };
    let mut token = String::new();
    for number in 0..150 {
        match number {
            30 => token = hub.wait(hub.registrations.rotate("a")).unwrap().registration.hs_token.expose().to_owned(),
            // the appservice is started again with its new file
            40 => appservice.set_hs_token(&token),
            60 => with("id: a\n", "id: a\nio.causeway.lanes: 4\n"),
            80 => with("@a_.*", "@(a|b)_.*"),
            100 => with("io.causeway.lanes: 4\n", ""),
            120 => with("rate_limited: false", "rate_limited: true"),
            _ => {}
        }
        hub.send(number % 5, "a_ghost", &number.to_string());
        std::thread::sleep(Duration::from_millis(20));
    }
    hub.wait_for_events(&appservice, 150);
    for room in 0..5 {
        let of_room: Vec<usize> = numbers(&appservice).into_iter().filter(|number| number % 5 == room).collect();
        assert_eq!(of_room, (room..150).step_by(5).collect::<Vec<_>>());
    }
    let refused = |violation: &&String| *violation != WRONG_TOKEN;
    assert_eq!(appservice.violations().iter().find(refused), None);
    let status = hub.wait_for_queue("a", "idle", |status| status.state == QueueState::Idle);
    assert_eq!((status.waiting, status.dead_letters), (0, 0));
}

pub fn a_new_registration_gets_its_rooms_history_from_a_position(data: &Data) {
    let (first, late) = (RecordingAppservice::start().unwrap(), RecordingAppservice::start().unwrap());
    let hub = Hub::start(data);
    hub.add(&first, "a");
    let sent = messages(&hub, 0..20, 2);
    hub.wait_for_events(&first, 20);
    let rooms = "  rooms:\n  - regex: '!room1-.*'\n    exclusive: false\n";
    hub.wait(hub.registrations.add(&(late.registration("late") + rooms))).unwrap();
    let nothing = hub.wait(hub.router.replay(&id("late"), None, None)).unwrap_err();
    assert!(matches!(nothing, QueueError::EmptyReplay { .. }), "{nothing}");
    let from = hub.wait(hub.store.entry(&sent[6])).unwrap().unwrap().position;
    for _ in 0..2 {
        hub.wait(hub.registrations.reach_back(&id("late"), Some(from))).unwrap();
    }
    assert_eq!(hub.wait(hub.router.replay(&id("late"), Some(from), None)).unwrap(), 7);
    hub.wait_for_events(&late, 7);
    assert_eq!(numbers(&late), (7..20).step_by(2).collect::<Vec<_>>());
    assert!(late.events().iter().all(|event| event["unsigned"]["io.causeway.redelivery"] == "replay"));
    hub.wait_for_queue("a", "idle", |status| status.waiting == 0 && status.state == QueueState::Idle);
    assert_eq!(first.events().len(), 20);
    assert_clean(&late);
    assert_clean(&first);
}
