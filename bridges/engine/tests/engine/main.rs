//! The engine with a fake network, a fake Matrix and a real store: each case on both databases.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod bot;
mod configure;
mod fakes;
mod hearing;
mod inbound;
mod listeners;
mod outbound;
mod telling;

use std::sync::atomic::Ordering;

use causeway_engine::connector::*;
use causeway_engine::{EngineError, Install};
use causeway_router::{Delivered, EventFacts, Interested};
use fakes::World;
use ruma::{EventId, UserId};
use serde_json::json;

macro_rules! on_both_databases {
    ($($group:ident::$case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $case() {
                super::$group::$case(super::World::on_sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test] async fn $case() {
                super::$group::$case(super::World::on_postgres().await).await;
            })*
        }
    };
}

on_both_databases! {
    inbound::a_remote_message_makes_ghost_portal_and_event_once,
    inbound::a_delivery_whose_commit_fails_is_made_again_and_counts_once,
    inbound::a_burst_in_one_delivery_keeps_its_order,
    inbound::members_and_powers_follow_the_network,
    inbound::who_comes_in_by_themselves_while_the_bot_invites_them_is_in,
    inbound::secrets_are_sealed_and_come_back,
    hearing::a_message_that_several_logins_see_is_one_event,
    hearing::without_ids_one_login_is_believed_and_its_successor_goes_on_after_a_notice,
    hearing::who_came_later_does_not_overtake_the_others,
    hearing::what_the_last_one_left_unsaid_is_said_by_who_waited,
    hearing::a_gap_is_told_once_however_many_logins_come_back,
    hearing::a_delivery_that_is_planned_again_is_judged_as_at_first,
    hearing::after_everybody_was_gone_a_notice_says_that_lines_may_be_missing,
    listeners::copies_are_dropped_when_the_network_answered_the_listener,
    listeners::a_listener_that_does_not_answer_is_succeeded,
    listeners::a_listener_that_has_no_connection_is_succeeded_at_once,
    outbound::typing_is_told_as_it_begins_and_ends_and_not_back_to_where_it_comes_from,
    outbound::the_relay_speaks_for_who_has_no_login_with_their_name,
    outbound::a_pending_message_is_settled_by_its_echo_and_makes_no_second_event,
    outbound::a_store_that_wakes_for_a_message_takes_it_once,
    outbound::a_pending_message_is_offered_again_with_its_attempt_and_an_unknown_end_is_shown,
    outbound::what_is_taken_back_before_it_left_is_sent_to_nobody,
    outbound::a_failure_is_told_to_the_sender_with_its_reason,
    outbound::what_is_about_a_pending_message_waits_for_it_and_so_does_what_follows,
    outbound::what_is_about_a_message_that_is_sent_in_the_call_goes_right_after_it,
    outbound::what_is_about_a_message_that_failed_fails_too_and_its_sender_is_told,
    outbound::nothing_overtakes_what_was_woken,
    outbound::what_is_about_another_logins_message_waits_alone,
    outbound::a_reaction_is_taken_back_after_the_network_acknowledged_it,
    outbound::who_reacts_to_the_notice_sends_the_message_once_more,
    outbound::what_the_network_refuses_is_a_dead_letter_and_a_late_try_offers_it_as_new,
    outbound::edits_reactions_and_removals_find_their_message_both_ways,
    outbound::only_what_a_logins_own_user_does_is_for_it_and_never_what_the_bridge_did,
    telling::who_waits_long_is_told_once_and_then_of_the_end_also_after_a_restart,
    telling::who_asks_for_another_try_is_told_that_it_arrived,
    telling::who_wants_status_events_gets_one_for_each_end_and_no_notices,
    telling::the_bot_lists_what_did_not_arrive_and_sends_it_once_more,
    telling::bridge_info_follows_the_chats_name_and_picture,
    telling::a_logins_state_is_told_once_and_shown_in_mautrix_words,
    telling::acting_as_somebody_the_bridge_did_not_make_is_told,
    telling::a_login_that_does_not_connect_says_why,
    bot::the_bot_takes_commands_from_who_may_and_refuses_others_clearly,
    bot::a_new_version_that_does_not_start_is_rolled_back,
    configure::a_config_is_changed_while_the_bridge_runs_and_its_secrets_are_not_shown,
    configure::what_the_bridge_does_not_run_with_is_taken_back,
    bot::a_purge_leaves_no_row,
    bot::install_checks_id_config_and_permissions_and_registers_the_namespace,
}

fn chat() -> PortalKey {
    PortalKey { id: "#rust".into(), receiver: None }
}

fn kind(text: &str, id: &str) -> RemoteKind {
    let body = Body::Text(Text { kind: TextKind::Text, body: text.into(), html: None });
    let part = Part { id: String::new(), body, mentions: Mentions::default(), extra: None, metadata: None };
    let message = Message { parts: vec![part], reply_to: None, thread_root: None, disappear_after_ms: 0 };
    RemoteKind::Message(NewMessage { id: id.into(), message, echo_of: None, upsert: false })
}

fn event(from: &str, key: &str, kind: RemoteKind) -> RemoteEvent {
    RemoteEvent {
        portal: chat(),
        sender: Sender { ghost: from.into(), is_me: false, via_login: None },
        at: 1_000,
        order: 0,
        key: key.into(),
        create_portal: true,
        kind,
    }
}

fn submit(events: impl IntoIterator<Item = RemoteEvent>) -> Effects {
    Effects { acts: events.into_iter().map(Act::Submit).collect(), ..Effects::default() }
}

/// A line with an id, as IRC networks with `msgid` give it.
fn line(from: &str, text: &str, id: &str) -> Effects {
    submit([event(from, id, kind(text, id))])
}

/// A line without id.
fn bare(from: &str, text: &str) -> Effects {
    submit([event(from, "", kind(text, ""))])
}

fn report(status: Status) -> Effects {
    let report =
        Report { status, code: "x".into(), message: String::new(), action: UserAction::None, profile: None, ttl_s: 0 };
    Effects { acts: vec![Act::State { login: None, report }], ..Effects::default() }
}

fn bodies(said: &[fakes::Said]) -> Vec<&str> {
    let spoken = said.iter().filter(|said| said.event_type == "m.room.message").map(fakes::Said::body);
    spoken.filter(|body| !body.contains("encryption can't be switched on")).collect()
}

fn count(said: &[fakes::Said]) -> usize {
    bodies(said).len()
}

/// A portal with one message, and an event of alice in it.
async fn portal(world: &World) -> (LoginId, ruma::OwnedRoomId) {
    let alice = world.login("alice").await;
    world.deliver(&alice, line("bob", "hello", "m1")).await;
    world.until("#rust", "hello", |said| count(said) == 1).await;
    (alice, world.matrix.room_of_alias("#irc_=23rust:hub.test").unwrap())
}

fn answers(world: &World, outcomes: Vec<Outcome>) {
    *world.host.connector.answers.lock().unwrap() = outcomes;
}
