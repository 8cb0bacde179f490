//! What one call into a guest has done so far: nothing of it holds before the commit.

use std::collections::BTreeMap;
use std::time::Duration;

use causeway_engine::connector::{Act, Effects, KvWrite, TimerWrite};

use crate::net::Dial;
use crate::net::framing::Frame;
use crate::net::tls::TlsPlan;
use crate::web::Request;

/// A value of `None` deletes.
type Row = Option<Vec<u8>>;

#[derive(Default)]
pub struct Delivery {
    /// by (secret, key)
    pub kv: BTreeMap<(bool, String), Row>,
    /// `None` cancels
    pub timers: BTreeMap<String, Option<Timer>>,
    pub acts: Vec<Act>,
    /// in the order in which the guest asked for them
    pub net: Vec<NetAct>,
    pub requests: Vec<(String, Request)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Timer {
    pub after: Duration,
    pub durable: bool,
}

#[expect(clippy::large_enum_variant, reason = "each is made once and taken at once")]
pub enum NetAct {
    Open { conn: u64, tag: String, dial: Dial },
    Send { conn: u64, frames: Vec<Frame> },
    UpgradeTls { conn: u64, tls: TlsPlan },
    Close { conn: u64, code: u16, reason: String },
    Credit { conn: u64, frames: u32 },
}

impl Delivery {
    /// What the engine commits; what is left (connections, requests, timers in memory) is released afterwards.
    /// `now_ms` is the time since the Unix epoch, `was_durable` tells which timers stand in the database.
    pub fn take_effects(&mut self, now_ms: u64, was_durable: impl Fn(&str) -> bool) -> Effects {
        let kv = std::mem::take(&mut self.kv)
            .into_iter()
            .map(|((secret, key), value)| KvWrite { key, value, secret })
            .collect();
        let timers = self
            .timers
            .iter()
            .filter_map(|(name, timer)| match timer {
                Some(timer) if timer.durable => {
                    let after = u64::try_from(timer.after.as_millis()).unwrap_or(u64::MAX);
                    Some(TimerWrite { name: name.clone(), at: Some(now_ms.saturating_add(after)) })
                }
                _ if was_durable(name) => Some(TimerWrite { name: name.clone(), at: None }),
                _ => None,
            })
            .collect();
        Effects { kv, timers, acts: std::mem::take(&mut self.acts), outcomes: Vec::new() }
    }

    /// How many frames of this delivery wait for `conn`, and their bytes.
    pub fn unsent(&self, conn: u64) -> (u64, usize) {
        self.net
            .iter()
            .filter_map(|act| match act {
                NetAct::Send { conn: to, frames } if *to == conn => Some(frames),
                _ => None,
            })
            .flatten()
            .fold((0, 0), |(count, bytes), frame| (count + 1, bytes + frame.len()))
    }

    /// Opened in this delivery and not closed in it again.
    pub fn opened(&self) -> usize {
        self.net.iter().filter(|act| matches!(act, NetAct::Open { .. })).count()
    }
}
