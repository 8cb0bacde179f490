//! What people do in a room: mostly sensible, sometimes what they may not.

use ruma::{OwnedEventId, OwnedUserId, UserId};
use serde_json::{Value, json};

use super::{Attempt, Room, dice::Dice, user};

/// How many people there are.
const USERS: usize = 24;
/// Ends of the graph at the most, before somebody ties them together.
const EXTREMITIES: usize = 4;

impl Room {
    /// A room with its first events, and a draw of the dice for the rest.
    pub fn random_start(version: &ruma::RoomVersionId, dice: &mut Dice) -> Self {
        let rule = *dice.pick(&["public", "invite", "public"]);
        Self::created(version, &user(0), rule)
    }

    /// Somebody does something somewhere in the graph.
    pub fn act(&mut self, dice: &mut Dice) -> Attempt {
        let prev_events = self.draw_prev_events(dice);
        let (sender, event_type, state_key, content) = self.draw_event(dice);
        let mut draft = self.draft(&sender, event_type, state_key.as_deref(), content);
        if event_type == "m.room.redaction" {
            draft.redacts = Some(dice.pick(&self.order).clone());
        }
        self.send(draft, &prev_events)
    }

    fn draw_prev_events(&mut self, dice: &mut Dice) -> Vec<OwnedEventId> {
        let fork = dice.one_in(5) && self.extremities.len() < EXTREMITIES && self.order.len() > 6;
        if fork {
            // Not before the room has its first rules.
            let oldest = self.order.len().saturating_sub(12).max(4);
            vec![self.order[oldest + dice.below(self.order.len() - oldest)].clone()]
        } else if self.extremities.len() > 1 && dice.one_in(2) {
            vec![dice.pick(&self.extremities).clone()]
        } else {
            self.extremities.clone()
        }
    }

    fn draw_event(&self, dice: &mut Dice) -> (OwnedUserId, &'static str, Option<String>, Value) {
        let (one, other) = (self.draw_member(dice), user(dice.below(USERS)));
        let anybody = user(dice.below(USERS));
        let member = |sender: OwnedUserId, target: &UserId, membership: &str| {
            (sender, "m.room.member", Some(target.to_string()), json!({ "membership": membership }))
        };
        match dice.below(100) {
            0..38 => {
                (one, "m.room.message", None, json!({"msgtype": "m.text", "body": format!("hello {}", dice.number())}))
            }
            38..52 => {
                let mut join = member(anybody.clone(), &anybody, "join");
                if dice.one_in(2) && self.rules.authorization.restricted_join_rule {
                    join.3["join_authorised_via_users_server"] = json!(one);
                }
                join.3["displayname"] = json!(format!("name {}", dice.below(100)));
                join
            }
            52..60 => member(one, &other, "invite"),
            // The creator stays, or the room might end up with nobody who can let anybody in.
            60..64 if anybody != user(0) => member(anybody.clone(), &anybody, "leave"),
            60..64 => member(anybody.clone(), &anybody, "join"),
            64..67 if one != other => member(one, &other, "leave"),
            67..70 => member(one, &other, "ban"),
            70..74 => member(anybody.clone(), &anybody, "knock"),
            74..80 => (one, "m.room.power_levels", Some(String::new()), self.draw_power_levels(dice)),
            80..84 => (one, "m.room.join_rules", Some(String::new()), draw_join_rule(dice)),
            84..88 => (one, "m.room.name", Some(String::new()), json!({"name": format!("room {}", dice.below(100))})),
            88..90 => {
                let key = [other.to_string(), one.to_string(), "plain".to_owned()];
                (one, "example.custom", Some(dice.pick(&key).clone()), json!({"number": dice.below(1000)}))
            }
            90..92 => {
                let server = dice.pick(&super::SERVERS).to_string();
                (one, "m.room.aliases", Some(server), json!({"aliases": []}))
            }
            92..94 => {
                let content = json!({"display_name": "somebody", "key_validity_url": "", "public_key": ""});
                (one, "m.room.third_party_invite", Some(format!("token{}", dice.below(20))), content)
            }
            _ => (one, "m.room.redaction", None, json!({"reason": "because"})),
        }
    }

    /// Mostly somebody who is in the room, the creator often, seldom anybody at all.
    fn draw_member(&self, dice: &mut Dice) -> OwnedUserId {
        if dice.one_in(4) {
            return user(0);
        }
        for _ in 0..6 {
            let candidate = user(dice.below(USERS));
            let joined = self.extremities.iter().any(|id| {
                let key = (ruma::events::StateEventType::RoomMember, candidate.to_string());
                let member = self.states[id].get(&key).and_then(|id| self.events.get(id));
                member.is_some_and(|member| member.content().get().contains("\"join\""))
            });
            if joined {
                return candidate;
            }
        }
        user(dice.below(USERS))
    }

    fn draw_power_levels(&self, dice: &mut Dice) -> Value {
        let mut levels = self.extremities.last().and_then(|end| {
            let id = self.states[end].get(&(ruma::events::StateEventType::RoomPowerLevels, String::new()))?;
            serde_json::from_str(self.events[id].content().get()).ok()
        });
        let levels: &mut Value = levels.get_or_insert_with(|| json!({}));
        for _ in 0..=dice.below(2) {
            let level = json!(*dice.pick(&[0, 10, 25, 50, 50, 75, 100]));
            match dice.below(8) {
                0..4 => {
                    // Room version 12 refuses its creator here, earlier ones would let the creator lose power.
                    let creators_rule = self.rules.authorization.explicitly_privilege_room_creators;
                    let from = usize::from(!(creators_rule && dice.one_in(20)));
                    levels["users"][user(from + dice.below(USERS - from)).as_str()] = level;
                }
                4 => levels["events"][*dice.pick(&["m.room.name", "m.room.message", "example.custom"])] = level,
                5 => levels["notifications"]["room"] = level,
                6 => {
                    levels[*dice.pick(&["ban", "kick", "invite", "redact", "state_default", "events_default"])] = level
                }
                _ => levels["users_default"] = json!(*dice.pick(&[0, 0, 10])),
            }
        }
        levels.take()
    }
}

fn draw_join_rule(dice: &mut Dice) -> Value {
    let rule = *dice.pick(&["public", "public", "invite", "knock", "restricted", "knock_restricted", "private"]);
    let mut content = json!({ "join_rule": rule });
    if rule.ends_with("restricted") {
        content["allow"] = json!([{"type": "m.room_membership", "room_id": "!other:one.example"}]);
    }
    content
}
