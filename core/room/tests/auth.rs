//! The rules that room versions differ in, one case each.

#![allow(clippy::unwrap_used, reason = "a test")]

mod simulation;

use causeway_room::{
    AuthError, Draft, Head, Pdu, PduError, PowerLevels, build, check_auth_events, power::Level, version,
};
use ruma::{EventId, RoomVersionId, UserId, events::StateEventType};
use serde_json::{Value, json, value::to_raw_value};
use simulation::{Room, user};

fn room(number: usize, join_rule: &str) -> Room {
    Room::created(&version::SUPPORTED[number - 1], &user(0), join_rule)
}

fn member(room: &mut Room, sender: &UserId, target: &UserId, content: Value) -> Result<(), String> {
    room.state(sender, "m.room.member", target.as_str(), content).map(drop).map_err(|error| error.to_string())
}

fn set(room: &mut Room, number: usize, membership: &str) -> Result<(), String> {
    member(room, &user(number), &user(number), json!({ "membership": membership }))
}

/// The room versions of 1 to 12 in which something works.
fn versions_in_which(works: impl Fn(usize) -> bool) -> Vec<usize> {
    (1..=12).filter(|number| works(*number)).collect()
}

#[test]
fn knocking_works_from_version_7_on() {
    let works = versions_in_which(|number| set(&mut room(number, "knock"), 1, "knock").is_ok());
    assert_eq!(works, (7..=12).collect::<Vec<_>>());
}

#[test]
fn knocking_at_a_knock_restricted_room_works_from_version_10_on() {
    let works = versions_in_which(|number| set(&mut room(number, "knock_restricted"), 1, "knock").is_ok());
    assert_eq!(works, (10..=12).collect::<Vec<_>>());
}

#[test]
fn restricted_joins_work_from_version_8_on_if_a_member_who_may_invite_vouches() {
    let join = |room: &mut Room, voucher: usize| {
        let content = json!({"membership": "join", "join_authorised_via_users_server": user(voucher)});
        member(room, &user(1), &user(1), content)
    };
    let works = versions_in_which(|number| join(&mut room(number, "restricted"), 0).is_ok());
    assert_eq!(works, (8..=12).collect::<Vec<_>>());
    let mut room = room(10, "restricted");
    assert!(set(&mut room, 1, "join").unwrap_err().contains("join_authorised_via_users_server"));
    assert!(join(&mut room, 5).unwrap_err().contains("not joined"));
}

#[test]
fn aliases_need_no_membership_up_to_version_5() {
    let works = versions_in_which(|number| {
        room(number, "invite").state(&user(4), "m.room.aliases", "two.example", json!({"aliases": []})).is_ok()
    });
    assert_eq!(works, (1..=5).collect::<Vec<_>>());
}

#[test]
fn others_messages_are_redacted_by_anybody_from_version_3_on_as_far_as_auth_goes() {
    let works = versions_in_which(|number| {
        let mut room = room(number, "public");
        set(&mut room, 1, "join").unwrap();
        let message = room.event(&user(0), "m.room.message", json!({"body": "hello"})).unwrap();
        let mut draft = room.draft(&user(1), "m.room.redaction", None, json!({}));
        draft.redacts = Some(message.event_id().clone());
        let end = room.extremities.clone();
        let attempt = room.send(draft, &end);
        assert_eq!(attempt.pdu.redacts(), Some(message.event_id()));
        attempt.verdict.is_ok()
    });
    assert_eq!(works, (3..=12).collect::<Vec<_>>());
}

#[test]
fn power_levels_may_be_strings_up_to_version_9() {
    let works = versions_in_which(|number| {
        let mut room = room(number, "public");
        let mut levels = room.content("m.room.power_levels", "").unwrap();
        levels["kick"] = json!("50");
        room.state(&user(0), "m.room.power_levels", "", levels).is_ok()
    });
    assert_eq!(works, (1..=9).collect::<Vec<_>>());
}

#[test]
fn notification_levels_are_guarded_from_version_6_on() {
    let works = versions_in_which(|number| {
        let mut room = room(number, "public");
        set(&mut room, 1, "join").unwrap();
        let mut levels = room.content("m.room.power_levels", "").unwrap();
        levels["users"][user(1).as_str()] = json!(50);
        room.state(&user(0), "m.room.power_levels", "", levels.clone()).unwrap();
        levels["notifications"] = json!({"room": 80});
        room.state(&user(1), "m.room.power_levels", "", levels).is_err()
    });
    assert_eq!(works, (6..=12).collect::<Vec<_>>());
}

#[test]
fn in_every_version_a_ban_holds_until_it_is_lifted() {
    for number in 1..=12 {
        let mut room = room(number, "public");
        set(&mut room, 1, "join").unwrap();
        member(&mut room, &user(0), &user(1), json!({"membership": "ban"})).unwrap();
        assert_eq!(set(&mut room, 1, "join").unwrap_err(), "banned user cannot join room");
        member(&mut room, &user(0), &user(1), json!({"membership": "leave"})).unwrap();
        set(&mut room, 1, "join").unwrap();
    }
}

#[test]
fn in_every_version_an_invited_user_joins_and_a_stranger_does_not() {
    for number in 1..=12 {
        let mut room = room(number, "invite");
        assert!(set(&mut room, 1, "join").is_err());
        member(&mut room, &user(0), &user(1), json!({"membership": "invite"})).unwrap();
        set(&mut room, 1, "join").unwrap();
        assert!(room.event(&user(2), "m.room.message", json!({})).is_err());
    }
}

#[test]
fn refusals_for_lack_of_power_say_what_is_needed_and_what_is_there() {
    let mut room = room(10, "public");
    set(&mut room, 1, "join").unwrap();
    set(&mut room, 2, "join").unwrap();
    let mut refused = |event_type: &str, key: &str, content: Value| {
        room.state(&user(1), event_type, key, content).unwrap_err().to_string()
    };
    let name = user(1);
    for (event_type, key, content, expected) in [
        ("m.room.name", String::new(), json!({"name": "x"}), "send m.room.name"),
        ("m.room.member", user(2).to_string(), json!({"membership": "leave"}), "kick"),
        ("m.room.member", user(2).to_string(), json!({"membership": "ban"}), "ban"),
    ] {
        let text = format!("{name} needs power level 50 to {expected}, but has 0");
        assert_eq!(refused(event_type, &key, content), text);
    }
}

#[test]
fn kicking_an_equal_is_refused_in_words_and_without_numbers() {
    let mut room = room(10, "public");
    set(&mut room, 1, "join").unwrap();
    let mut levels = room.content("m.room.power_levels", "").unwrap();
    levels["users"][user(1).as_str()] = json!(100);
    room.state(&user(0), "m.room.power_levels", "", levels).unwrap();
    let error = room.state(&user(1), "m.room.member", user(0).as_str(), json!({"membership": "leave"})).unwrap_err();
    assert_eq!(error, AuthError::Forbidden("sender does not have enough power to kick target user".into()));
}

mod version_12 {
    use super::*;

    #[test]
    fn the_room_is_named_by_its_create_event_which_no_event_cites() {
        let room = room(12, "public");
        let create = &room.events[&room.order[0]];
        assert_eq!(room.room_id.as_str(), create.event_id().as_str().replace('$', "!"));
        assert!(!create.json().contains("room_id"));
        assert!(room.order.iter().all(|id| !room.events[id].auth_events().contains(create.event_id())));
    }

    #[test]
    fn a_create_event_that_names_its_room_is_no_event() {
        let room = room(12, "public");
        let mut create: Value = serde_json::from_str(room.events[&room.order[0]].json()).unwrap();
        create["room_id"] = json!("!room:one.example");
        assert!(matches!(Pdu::parse(&create.to_string(), room.rules), Err(PduError::Unexpected("room_id"))));
    }

    #[test]
    fn an_event_that_cites_the_create_event_is_refused() {
        let room = room(12, "public");
        let create = std::slice::from_ref(&room.events[&room.order[0]]);
        let draft = Draft {
            room_id: Some(room.room_id.clone()),
            sender: user(0),
            event_type: "m.room.message".into(),
            state_key: None,
            content: to_raw_value(&json!({})).unwrap(),
            redacts: None,
            origin_server_ts: create[0].origin_server_ts(),
        };
        let key = &room.keys["one.example"];
        let id = || EventId::parse("$unused:one.example").unwrap();
        let pdu = build(draft, &Head::of(create, room.rules).unwrap(), create, key, room.rules, id).unwrap();
        assert!(check_auth_events(room.rules, &pdu, |id| room.fetch(id)).is_err());
    }

    #[test]
    fn creators_stand_above_all_and_must_not_be_listed() {
        let mut room = room(12, "public");
        let levels = json!({"users": {user(0).as_str(): 100}});
        let error = room.state(&user(0), "m.room.power_levels", "", levels).unwrap_err();
        assert!(error.to_string().contains("creator"), "{error}");

        set(&mut room, 1, "join").unwrap();
        let levels = json!({"users": {user(1).as_str(): 9_007_199_254_740_991_i64}});
        room.state(&user(0), "m.room.power_levels", "", levels).unwrap();
        member(&mut room, &user(0), &user(1), json!({"membership": "leave"})).unwrap();
    }

    #[test]
    fn additional_creators_are_creators() {
        let mut room = Room::empty(&RoomVersionId::V12);
        let content = json!({"room_version": "12", "additional_creators": [user(1)]});
        let create = room.state(&user(0), "m.room.create", "", content).unwrap();
        let levels = PowerLevels::new(room.rules, &create, None).unwrap();
        assert_eq!((levels.of(&user(0)), levels.of(&user(1))), (Level::Creator, Level::Creator));
        assert_eq!(levels.of(&user(2)), Level::Int(0));
    }
}

#[test]
fn power_levels_are_the_defaults_of_the_specification_until_there_is_an_event() {
    let mut room = Room::empty(&RoomVersionId::V11);
    let create = room.state(&user(0), "m.room.create", "", json!({"room_version": "11"})).unwrap();
    let levels = PowerLevels::new(room.rules, &create, None).unwrap();
    assert_eq!((levels.of(&user(0)), levels.of(&user(1))), (Level::Int(100), Level::Int(0)));
    assert!(levels.can_send(&user(1), &"m.room.message".into(), false));
    assert!(!levels.can_send(&user(1), &"m.room.name".into(), true));
    assert!(levels.can_invite(&user(1)) && !levels.can_redact(&user(1)) && !levels.can_notify(&user(1), "room"));
}

#[test]
fn power_levels_of_an_event_count_for_users_and_acts() {
    let mut room = room(11, "public");
    let levels = json!({"users": {user(0).as_str(): 100, user(1).as_str(): 60, user(2).as_str(): 60}, "ban": 70, "kick": 60,
        "events": {"m.room.name": 10}, "users_default": 5, "notifications": {"room": 5}});
    room.state(&user(0), "m.room.power_levels", "", levels).unwrap();
    let (state, _) = room.state_before(&room.extremities);
    let create = room.lookup(&state, &StateEventType::RoomCreate, "").unwrap();
    let event = room.lookup(&state, &StateEventType::RoomPowerLevels, "");
    let levels = PowerLevels::new(room.rules, &create, event.as_ref()).unwrap();
    let [one, two, nobody] = [user(1), user(2), user(9)];
    assert!(levels.can_kick(&one, &nobody) && !levels.can_kick(&one, &two) && !levels.can_ban(&one, &nobody));
    assert!(
        levels.can_send(&one, &"m.room.name".into(), true) && !levels.can_send(&nobody, &"m.room.name".into(), true)
    );
    assert!(levels.can_notify(&nobody, "room"));
    assert_eq!(levels.users().count(), 3);
}
