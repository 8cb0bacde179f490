//! One room of an answer.

use std::collections::HashSet;
use std::sync::Arc;

use causeway_store::{Place, Position};
use ruma::OwnedRoomId;
use ruma::api::client::filter::RoomEventFilter;
use ruma::events::room::member::MembershipState;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Inner;
use super::super::window::{Stretch, Window};
use super::connections::Sent;
use super::lists::Wanted;
use super::required::Required;
use super::{Candidate, Context};
use crate::rooms::{RoomSnapshot, SendError};
use crate::timelines::{Form, Sight, Token, Viewer, client_state, stripped};

impl Inner {
    /// What is new in a room, and what the client has then; none: nothing.
    pub(super) async fn sliding_room(
        &self,
        context: &Context<'_>,
        candidate: &Candidate,
        before: Option<&Sent>,
        wanted: &Wanted,
    ) -> Result<Option<(Value, Sent)>, SendError> {
        let room = &candidate.room;
        let has_all = before.is_some_and(|sent| {
            sent.until
                >= room.position.max(if &*room.membership == "join" { room.last_position } else { room.position })
                && sent.timeline_limit >= wanted.timeline_limit
                && sent.required_state.is_superset(&wanted.required_state)
        });
        if has_all {
            return Ok(None);
        }
        let Ok(room_id) = OwnedRoomId::try_from(&*room.room_id) else { return Ok(None) };
        let Some(snapshot) = self.rooms.find(&room_id).await? else {
            return Ok((&*room.membership == "leave").then(|| out_of_deleted(context, candidate)));
        };
        if matches!(&*room.membership, "invite" | "knock") {
            if before.is_some_and(|sent| sent.until >= room.position) {
                return Ok(None);
            }
            return Ok(Some(self.seen_from_outside(context, candidate, &snapshot).await?));
        }
        self.seen_from_inside(context, candidate, before, wanted, &snapshot).await.map(Some)
    }

    async fn seen_from_outside(
        &self,
        context: &Context<'_>,
        candidate: &Candidate,
        room: &Arc<RoomSnapshot>,
    ) -> Result<(Value, Sent), SendError> {
        let mut answer = json!({
            "initial": true,
            "membership": &*candidate.room.membership,
            "bump_stamp": candidate.bump.0,
            "invite_state": stripped(room, &context.request.user_id)?,
        });
        self.names(context, room, &mut answer, true, true).await?;
        Ok((answer, sent(candidate, context.token.position, &Wanted::default(), HashSet::new())))
    }

    async fn seen_from_inside(
        &self,
        context: &Context<'_>,
        candidate: &Candidate,
        before: Option<&Sent>,
        wanted: &Wanted,
        room: &Arc<RoomSnapshot>,
    ) -> Result<(Value, Sent), SendError> {
        let user_id = &context.request.user_id;
        let is_joined = &*candidate.room.membership == "join";
        let (sight, before) = self.sliding_sight(context, candidate, before, room).await?;
        let expands = before.is_some_and(|sent| sent.timeline_limit < wanted.timeline_limit);
        let filter = RoomEventFilter::default();
        let stretch = Stretch {
            after: before.filter(|_| !expands).map(|sent| sent.until),
            to: if is_joined { context.token.position } else { candidate.room.position },
            limit: wanted.timeline_limit,
            filter: &filter,
            ignored: &context.shared.ignored,
        };
        let window = self.window(room, &sight, stretch).await?;
        let known = before.map(|sent| (sent.until, &*sent.required_state, &*sent.members));
        let required = Required { user_id, wanted: &wanted.required_state, known, window: &window };
        let (mut state, members) = self.required_state(room, &required).await?;
        if !is_joined {
            // The state of now is none of theirs any more; their own end is.
            state.retain(|pdu| pdu.state_key() == Some(user_id.as_str()));
            let own = room.state().get("m.room.member", user_id.as_str());
            state.extend(own.map(|event| Arc::clone(&event.pdu)).filter(|_| state.is_empty()));
        }

        let viewer = Viewer { user_id, device: &context.request.device };
        let timeline =
            self.timelines.render(room, viewer, &sight, &window.items, Form::InRoom, window.complete).await?;
        let state: Vec<_> = state.iter().map(|pdu| client_state(pdu, room, Form::InRoom)).collect::<Result<_, _>>()?;
        let since = context.since.map_or(Position(i64::MAX), |since| since.position);
        let live = window.items.iter().filter(|item| item.entry.position > since).count();
        let mut answer = json!({
            "membership": &*candidate.room.membership,
            "bump_stamp": candidate.bump.0,
            "timeline": timeline,
            "required_state": state,
            "limited": window.limited,
            "num_live": live,
            "prev_batch": Token::Place(window.start).to_string(),
        });
        if before.is_none() {
            answer["initial"] = true.into();
        }
        if expands {
            answer["unstable_expanded_timeline"] = true.into();
        }
        if is_joined {
            let is_changed = |event_type: &str| before.is_none() || window.limited || shows(&window, event_type);
            let named = ["m.room.name", "m.room.avatar", "m.room.canonical_alias"].into_iter().any(is_changed);
            self.names(context, room, &mut answer, named, is_changed("m.room.member")).await?;
            let counts = self.notifications.unread(user_id, room).await?.total();
            answer["notification_count"] = counts.notifications.into();
            answer["highlight_count"] = counts.highlights.into();
        }
        Ok((answer, sent(candidate, context.token.position, wanted, members)))
    }

    /// What the user may see, and what the client has of it: nothing, where the user came into the room since.
    async fn sliding_sight<'a>(
        &self,
        context: &Context<'_>,
        candidate: &Candidate,
        before: Option<&'a Sent>,
        room: &RoomSnapshot,
    ) -> Result<(Sight, Option<&'a Sent>), SendError> {
        let user_room = &candidate.room;
        let before = before.filter(|sent| &*sent.membership == "join");
        if let Some(sent) = before
            && sent.until >= user_room.position
        {
            return Ok((Sight::joined(), before));
        }
        let sight = self.timelines.sight(room, &context.request.user_id, Place(i64::MIN)).await?;
        let Some(sent) = before else { return Ok((sight, None)) };
        let last = Place(self.store.place_after(user_room.room, sent.until).await?.0 - 1);
        let was_in = sight.membership_at(last) == MembershipState::Join;
        Ok((sight, before.filter(|_| was_in)))
    }

    /// `named`: the room's name or picture may have changed; `peopled`: who is in it.
    async fn names(
        &self,
        context: &Context<'_>,
        room: &RoomSnapshot,
        answer: &mut Value,
        named: bool,
        peopled: bool,
    ) -> Result<(), SendError> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Content {
            name: Option<String>,
            url: Option<String>,
            displayname: Option<String>,
            avatar_url: Option<String>,
        }
        let content = |event_type: &str, key: &str| room.content::<Content>(event_type, key).unwrap_or_default();
        let name = content("m.room.name", "").name.filter(|name| !name.is_empty());
        if named {
            if let Some(name) = &name {
                answer["name"] = name.as_str().into();
            }
            if let Some(url) = content("m.room.avatar", "").url {
                answer["avatar"] = url.into();
            }
            if context.direct.contains(room.room_id()) {
                answer["is_dm"] = true.into();
            }
        }
        let wants_counts = peopled || (named && name.is_none());
        if !wants_counts {
            return Ok(());
        }
        let counts = self.store.member_counts(room.facts().nid).await?;
        answer["joined_count"] = counts.joined.into();
        answer["invited_count"] = counts.invited.into();
        if name.is_none() {
            let heroes = self.store.heroes(room.facts().nid, context.request.user_id.as_str()).await?;
            let heroes = heroes.into_iter().map(|hero| {
                let member = content("m.room.member", &hero);
                let mut shown = json!({ "user_id": hero });
                for (key, value) in [("displayname", member.displayname), ("avatar_url", member.avatar_url)] {
                    if let Some(value) = value {
                        shown[key] = value.into();
                    }
                }
                shown
            });
            answer["heroes"] = heroes.collect();
        }
        Ok(())
    }
}

fn shows(window: &Window, event_type: &str) -> bool {
    window.items.iter().any(|item| &*item.entry.event_type == event_type && item.entry.state_key.is_some())
}

/// Of a room that was deleted, there is nothing to tell but that they are out of it.
fn out_of_deleted(context: &Context<'_>, candidate: &Candidate) -> (Value, Sent) {
    let answer = json!({ "membership": "leave", "bump_stamp": candidate.bump.0, "timeline": [], "required_state": [] });
    (answer, sent(candidate, context.token.position, &Wanted::default(), HashSet::new()))
}

fn sent(candidate: &Candidate, until: Position, wanted: &Wanted, members: HashSet<String>) -> Sent {
    Sent {
        until,
        membership: Arc::clone(&candidate.room.membership),
        timeline_limit: wanted.timeline_limit,
        required_state: Arc::clone(&wanted.required_state),
        members: Arc::new(members),
    }
}
