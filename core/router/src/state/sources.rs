//! Where the next transaction comes from.

use std::sync::Arc;

use causeway_store::{Entry, EventNid, ExceptionKind, Position, Stretch};
use tokio::time::Instant;

use super::exceptions::Open;
use super::flights::Way;
use super::{Next, Reading, State};

/// Where the next transaction may come from; they take turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// those without fault
    Lanes,
    Log,
    /// those whose first entry failed alone
    Trials,
    /// exceptions that failed alone, or are late
    Alone,
    Replay,
    Aside,
}

const SOURCES: [Source; 6] = [Source::Lanes, Source::Log, Source::Trials, Source::Alone, Source::Replay, Source::Aside];

/// What a source gave.
pub(super) enum Departure {
    /// something has changed: look again
    Made,
    Needs(Next),
    Nothing,
}

impl State {
    /// Starts one transaction, or says what is needed for it. `may_ask`: nobody else waits to be recorded meanwhile.
    pub(super) fn depart(&mut self, now: Instant, may_ask: bool) -> Departure {
        let revived = self.revived();
        if !revived.is_empty() {
            return if may_ask && self.may_load() { self.choose(revived) } else { Departure::Nothing };
        }
        for step in 0..SOURCES.len() {
            let index = (self.source + step) % SOURCES.len();
            let departure = self.depart_from(SOURCES[index], now, may_ask);
            if !matches!(departure, Departure::Nothing) {
                self.source = (index + 1) % SOURCES.len();
                return departure;
            }
        }
        Departure::Nothing
    }

    fn depart_from(&mut self, source: Source, now: Instant, may_ask: bool) -> Departure {
        let made = |made: bool| if made { Departure::Made } else { Departure::Nothing };
        match source {
            Source::Lanes | Source::Trials => {
                let Some(room) = self.ready_lane(source == Source::Trials, now) else { return Departure::Nothing };
                let lane = &self.lanes[&room];
                if lane.wants_page() {
                    let stretch = Stretch { after: lane.read, until: self.scanned };
                    return ask(may_ask, Next::Read(Reading::Lane(room, stretch, self.batch)));
                }
                made(self.depart_lane(room))
            }
            Source::Log => {
                if self.parallel > 1 && self.ready_lane(false, now).is_some() {
                    return Departure::Nothing;
                }
                if self.catches_up() && self.courtesy.waits(now) {
                    return Departure::Nothing;
                }
                if self.wants_page() {
                    if may_ask {
                        self.behind = false;
                        self.inbox.clear();
                    }
                    return ask(may_ask, Next::Read(Reading::Log(Stretch::after(self.read))));
                }
                let wanted = self.slots() - self.flights.len();
                made(if self.parallel > 1 { self.spread_log(wanted) } else { self.depart_log(now) })
            }
            Source::Alone => match self.due_alone(now) {
                Some(event) if may_ask && self.may_load() => self.choose(vec![event]),
                _ => Departure::Nothing,
            },
            Source::Replay => {
                let Some(replay) = &self.replay else { return Departure::Nothing };
                if self.flights.contains_key(&Way::Replay) || !replay.lane.is_due(now) || self.courtesy.waits(now) {
                    return Departure::Nothing;
                }
                if replay.lane.wants_page() {
                    let stretch = Stretch { after: replay.lane.read, until: replay.until };
                    return ask(may_ask, Next::Read(Reading::Replay(stretch)));
                }
                made(self.depart_replay(now))
            }
            Source::Aside => {
                if !may_ask || !self.aside.wants_ephemeral || !self.may_ask(now) {
                    return Departure::Nothing;
                }
                Departure::Needs(self.ask())
            }
        }
    }

    fn choose(&mut self, events: Vec<EventNid>) -> Departure {
        self.chosen.clone_from(&events);
        Departure::Needs(Next::Load(events))
    }

    fn may_load(&self) -> bool {
        !self.flights.contains_key(&Way::Exceptions) && !self.flights.contains_key(&Way::Log)
    }

    /// Answers [`Next::Load`]. An entry that is gone from the log is not owed to anybody any more.
    pub fn loaded(&mut self, mut entries: Vec<Arc<Entry>>) {
        entries.sort_by_key(|entry| entry.position);
        let wanted = std::mem::take(&mut self.chosen);
        let gone = |(position, open): (&Position, &Open)| {
            let is_here = entries.iter().any(|entry| entry.position == *position);
            (wanted.contains(&open.event) && !is_here).then_some(*position)
        };
        for position in self.exceptions.iter().filter_map(gone).collect::<Vec<_>>() {
            self.exceptions.remove(&position);
            self.dirty.insert(position);
        }
        entries.retain(|entry| self.exceptions.contains_key(&entry.position));
        if !entries.is_empty() {
            self.launch(Way::Exceptions, entries);
        }
    }

    /// When something that failed is tried again.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let lanes = self.lanes.iter().map(|(room, lane)| (Way::Lane(*room), lane));
        let replay = self.replay.iter().map(|replay| (Way::Replay, &replay.lane));
        let lanes = lanes.chain(replay).filter(|(way, _)| !self.flights.contains_key(way));
        let lanes = lanes.filter_map(|(_, lane)| lane.trial.as_ref());
        let alone = self.exceptions.values().filter(|open| open.kind != ExceptionKind::Pending);
        let trials = lanes.chain(alone.map(|open| &open.trial)).map(|trial| trial.due);
        trials.chain(self.aside.retry_at()).chain(self.courtesy.due()).filter(|due| *due > now).min()
    }
}

fn ask(may_ask: bool, next: Next) -> Departure {
    if may_ask { Departure::Needs(next) } else { Departure::Nothing }
}
