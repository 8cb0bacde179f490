//! One task for each Store: it makes the calls one at a time, each as a delivery, and starts the guest anew when it
//! failed or slept.
//!
//! ```text
//!  calls of the engine ─┐
//!  connections (ready) ─┤             ┌ trap, limit ──▶ drop Store and effects, back off, deliver again
//!  timers, HTTP answers ┴▶ delivery ──┤
//!                                     └ returned ──▶ commit ──▶ release frames, connections, timers, requests
//! ```

mod failures;
mod live;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use causeway_bindings::v0_1::causeway::bridge::http::Response;
use causeway_bindings::v0_1::causeway::bridge::ids::Error;
use causeway_engine::connector::{CallError, CommitError, Effects, Outcome, RemoteError, Session, StoreId, TimerWrite};
use causeway_fault::Point;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::bridge::Bridge;
use crate::call::{Answer, Call};
use crate::delivery::Delivery;
use crate::limits::Limit;
use crate::net::Connections;
use failures::{Failures, Key};
use live::{Live, Start};

/// Events of a connection that one delivery takes.
const BATCH: usize = 256;

type Reply = oneshot::Sender<Result<Answer, CallError>>;

/// The way to a Store's task; when it is dropped, the task stops the guest, closes its connections and ends.
pub struct Runner {
    mail: UnboundedSender<(Call, Reply)>,
    ended: tokio::task::JoinHandle<()>,
}

impl Runner {
    pub fn spawn(bridge: Arc<Bridge>, id: StoreId, session: Option<Session>) -> Self {
        let (mail, receiver) = unbounded_channel();
        let (connections, ready) = Connections::new(bridge.clone());
        let (answers, answered) = unbounded_channel();
        let task = Task {
            failures: Failures::new(&bridge.ceilings),
            bridge,
            id,
            session,
            connections,
            live: None,
            start: Start::Restart,
            timers: BTreeMap::new(),
            requests: 0,
            answers,
            waiting: VecDeque::new(),
            own: VecDeque::new(),
            careful: HashMap::new(),
        };
        let ended = tokio::spawn(task.run(receiver, ready, answered));
        Self { mail, ended }
    }

    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let (reply, answer) = oneshot::channel();
        self.mail.send((call, reply)).map_err(|_| CallError::Disabled)?;
        answer.await.unwrap_or(Err(CallError::Disabled))
    }

    /// Ends the task and waits until it has.
    pub async fn stop(self) {
        drop(self.mail);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the task of a Store panicked");
        }
    }
}

type Answered = (String, Result<Response, Error>);

/// A delivery that the host makes by itself.
enum Own {
    Net(u64),
    Timer(String),
    Http(Answered),
}

struct Alarm {
    at: Instant,
    durable: bool,
    /// it went off, and stands until a committed delivery has taken it or the guest has set it anew
    rang: bool,
}

struct Task {
    bridge: Arc<Bridge>,
    id: StoreId,
    session: Option<Session>,
    connections: Arc<Connections>,
    live: Option<Live>,
    /// why the next Store is started
    start: Start,
    failures: Failures,
    timers: BTreeMap<String, Alarm>,
    requests: usize,
    answers: UnboundedSender<Answered>,
    /// calls that came while the Store backed off
    waiting: VecDeque<(Call, Reply)>,
    own: VecDeque<Own>,
    /// events of a connection that have to be delivered one by one, since a batch of them failed
    careful: HashMap<u64, usize>,
}

impl Task {
    async fn run(
        mut self,
        mut mail: UnboundedReceiver<(Call, Reply)>,
        mut ready: UnboundedReceiver<u64>,
        mut answered: UnboundedReceiver<Answered>,
    ) {
        self.load_timers().await;
        loop {
            if self.failures.may_run() {
                if let Some((call, reply)) = self.waiting.pop_front() {
                    self.answer(call, reply).await;
                    continue;
                }
                if let Some(own) = self.own.pop_front() {
                    self.deliver_own(own).await;
                    // The engine's calls are not to wait for a connection that never falls silent.
                    if let Ok((call, reply)) = mail.try_recv() {
                        self.take_call(call, reply).await;
                    }
                    continue;
                }
            }
            let alarm = self.timers.values().filter(|alarm| !alarm.rang).map(|alarm| alarm.at).min();
            tokio::select! {
                call = mail.recv() => match call {
                    Some((call, reply)) => self.take_call(call, reply).await,
                    None => break,
                },
                Some(conn) = ready.recv() => self.queue_net(conn),
                Some(answer) = answered.recv() => self.own.push_back(Own::Http(answer)),
                () = until(alarm), if alarm.is_some() => self.ring(),
                () = tokio::time::sleep_until(self.failures.not_before()), if !self.failures.may_run() => {}
                () = tokio::time::sleep(self.bridge.ceilings.idle), if self.live.is_some() => self.sleep().await,
            }
        }
        self.sleep().await;
        self.connections.close_all();
    }

    async fn load_timers(&mut self) {
        let timers = match self.bridge.services.timers(&self.id).await {
            Ok(timers) => timers,
            Err(error) => {
                self.bridge.journal.limit(&self.id, Limit::Storage, &error.message);
                return;
            }
        };
        let now = now_ms();
        for (name, at) in timers {
            let after = std::time::Duration::from_millis(at.saturating_sub(now));
            self.timers.insert(name, Alarm { at: Instant::now() + after, durable: true, rang: false });
        }
    }

    fn ring(&mut self) {
        let now = Instant::now();
        for (name, alarm) in self.timers.iter_mut().filter(|(_, alarm)| !alarm.rang && alarm.at <= now) {
            alarm.rang = true;
            self.own.push_back(Own::Timer(name.clone()));
        }
    }

    fn queue_net(&mut self, conn: u64) {
        let queued = self.own.iter().any(|own| matches!(own, Own::Net(queued) if *queued == conn));
        if !queued {
            self.own.push_back(Own::Net(conn));
        }
    }

    async fn take_call(&mut self, call: Call, reply: Reply) {
        if self.failures.may_run() {
            self.answer(call, reply).await;
        } else if call.waits() {
            self.waiting.push_back((call, reply));
        } else {
            let reason = self.failures.last().reason();
            // Who asked may have gone away; nothing was done for them.
            let _ = reply.send(Err(CallError::Failed { reason }));
        }
    }

    async fn answer(&mut self, call: Call, reply: Reply) {
        let key = match &call {
            Call::Matrix(events) if events.len() == 1 => Some(Key::Event(events[0].id.clone())),
            _ => None,
        };
        let leaves = matches!(call, Call::Disconnect(_) | Call::Logout(_)) && !self.bridge.spec.grant.shared;
        let answer = match self.attempt(call, None).await {
            Ok(answer) => {
                key.inspect(|key| self.failures.forgive(key));
                answer.map_err(CallError::Remote)
            }
            Err(limit) => {
                let reason = limit.reason();
                match key {
                    Some(key) if self.is_poison(&key, limit).await => {
                        self.failures.forgive(&key);
                        Err(CallError::Poison { reason, attempts: self.bridge.ceilings.attempts })
                    }
                    _ => Err(CallError::Failed { reason }),
                }
            }
        };
        if leaves {
            self.live = None;
            self.timers.clear();
            self.connections.close_all();
        }
        // Who asked may have gone away; what was done for them is committed all the same.
        let _ = reply.send(answer);
    }

    async fn deliver_own(&mut self, own: Own) {
        match own {
            Own::Net(conn) => self.deliver_net(conn).await,
            Own::Timer(name) => {
                if !self.timers.get(&name).is_some_and(|alarm| alarm.rang) {
                    return;
                }
                if let Err(limit) = self.attempt(Call::Timer(name.clone()), Some(&name)).await {
                    let key = Key::Timer(name.clone());
                    if self.is_poison(&key, limit).await {
                        self.failures.forgive(&key);
                        self.bridge.services.dead_delivery(&self.id, &format!("timer {name}"), limit.reason()).await;
                        self.forget_timer(&name).await;
                    } else {
                        self.own.push_front(Own::Timer(name));
                    }
                }
            }
            Own::Http((token, answer)) => {
                let call = Call::Http { token: token.clone(), answer: answer.clone() };
                match self.attempt(call, None).await {
                    Ok(_) => self.requests -= 1,
                    Err(limit) => {
                        let key = Key::Http(token.clone());
                        if self.is_poison(&key, limit).await {
                            self.failures.forgive(&key);
                            self.requests -= 1;
                            let what = format!("answer to request {token}");
                            self.bridge.services.dead_delivery(&self.id, &what, limit.reason()).await;
                        } else {
                            self.own.push_front(Own::Http((token, answer)));
                        }
                    }
                }
            }
        }
    }

    async fn deliver_net(&mut self, conn: u64) {
        let careful = self.careful.get(&conn).copied().unwrap_or(0);
        let most = if careful > 0 { 1 } else { BATCH };
        let written = self.connections.written(conn);
        let Some((tag, events)) = self.connections.peek(conn, most) else { return };
        let count = events.len();
        let taken = match self.attempt(Call::Net { conn, tag, events, written }, None).await {
            Ok(_) => {
                self.failures.forgive(&Key::Net(conn));
                true
            }
            Err(limit) if count > 1 => {
                tracing::debug!(reason = limit.reason(), count, "a batch of frames failed; one by one now");
                self.careful.insert(conn, count);
                self.own.push_front(Own::Net(conn));
                return;
            }
            Err(limit) => {
                let key = Key::Net(conn);
                let poison = self.is_poison(&key, limit).await;
                if poison {
                    self.failures.forgive(&key);
                    self.bridge.services.dead_delivery(&self.id, "frame", limit.reason()).await;
                }
                poison
            }
        };
        if !taken {
            self.own.push_front(Own::Net(conn));
            return;
        }
        match careful {
            0 | 1 => {
                self.careful.remove(&conn);
            }
            left => {
                self.careful.insert(conn, left - 1);
            }
        }
        if self.connections.take(conn, count) {
            self.queue_net(conn);
        }
    }

    /// A delivery that failed often enough, while the guest took something else, or shows now that it can.
    async fn is_poison(&mut self, key: &Key, limit: Limit) -> bool {
        if limit == Limit::Storage || !self.failures.count(key) {
            return false;
        }
        self.failures.others_passed(key) || self.attempt(Call::Health, None).await.is_ok()
    }

    /// One delivery. The outer error is the limit that ended it: nothing of it holds, and the Store is gone. The
    /// inner one is the guest's answer, and its effects are committed as those of any other answer.
    async fn attempt(&mut self, call: Call, fired: Option<&str>) -> Result<Result<Answer, RemoteError>, Limit> {
        let started = std::time::Instant::now();
        let function = call.name();
        if let Call::Connect(session) = &call
            && !self.bridge.spec.grant.shared
        {
            self.session = Some(session.clone());
        }
        let result = self.deliver(call, fired).await;
        let outcome = match &result {
            Ok(Ok(_)) => "ok",
            Ok(Err(_)) => "error",
            Err(limit) => limit.reason(),
        };
        self.bridge.journal.call(function, outcome, started.elapsed());
        match &result {
            Ok(_) => self.failures.passed(),
            Err(limit) => {
                self.live = None;
                self.start = Start::AfterTrap;
                self.failures.failed(*limit);
                self.bridge.journal.trapped();
                self.bridge.journal.limit(&self.id, *limit, function);
            }
        }
        result
    }

    async fn deliver(&mut self, call: Call, fired: Option<&str>) -> Result<Result<Answer, RemoteError>, Limit> {
        let mut live = match self.live.take() {
            Some(live) => live,
            None => self.wake().await?,
        };
        let (call, ended) = self.without_ended(call).await?;
        let ids: Vec<String> = match &call {
            Call::Matrix(events) => events.iter().map(|event| event.id.clone()).collect(),
            _ => Vec::new(),
        };
        let ceilings = &self.bridge.ceilings;
        let cpu = if call.is_long() { ceilings.cpu_long } else { ceilings.cpu };
        let mut answer = live.call(call, cpu, self.timers.len(), self.requests).await?;
        let mut outcomes = Vec::new();
        if let Ok(Answer::Outcomes(given)) = &mut answer {
            if given.len() != ids.len() {
                return Err(Limit::Refused);
            }
            outcomes = ids.into_iter().zip(given.iter().cloned()).collect();
            ended.into_iter().for_each(|place| given.insert(place, Outcome::Ignored("it has ended already".into())));
        }
        let mut delivery = live.take_delivery();
        let mut effects = delivery.take_effects(now_ms(), |name| self.is_durable(name));
        effects.outcomes = outcomes;
        if let Some(name) = fired
            && !delivery.timers.contains_key(name)
        {
            if self.is_durable(name) {
                effects.timers.push(TimerWrite { name: name.to_owned(), at: None });
            }
            delivery.timers.insert(name.to_owned(), None);
        }
        Point::DeliveryReturned.pass();
        self.commit(effects).await?;
        Point::DeliveryCommitted.pass();
        self.release(delivery);
        self.live = Some(live);
        Ok(answer)
    }

    /// Takes out of a call what has ended since the engine looked: only here, between two deliveries of the Store, is
    /// that certain. The places of what was taken out, in order.
    async fn without_ended(&mut self, call: Call) -> Result<(Call, Vec<usize>), Limit> {
        let Call::Matrix(mut events) = call else { return Ok((call, Vec::new())) };
        let ended = self.bridge.services.ended(&events).await.map_err(|_| Limit::Storage)?;
        let places = events.iter().enumerate().filter(|(_, event)| ended.contains(&event.id)).map(|(place, _)| place);
        let places = places.collect();
        events.retain(|event| !ended.contains(&event.id));
        Ok((Call::Matrix(events), places))
    }

    async fn commit(&mut self, effects: Effects) -> Result<(), Limit> {
        if effects.is_empty() {
            return Ok(());
        }
        match self.bridge.services.commit(&self.id, effects).await {
            Ok(()) => Ok(()),
            Err(CommitError::Refused(why)) => {
                self.bridge.journal.note(&self.id, &format!("the delivery was refused: {why}"));
                Err(Limit::Refused)
            }
            Err(CommitError::Unavailable(error)) => {
                tracing::warn!(bridge = self.id.bridge.as_str(), error = %error, "a delivery could not be stored");
                Err(Limit::Storage)
            }
        }
    }

    fn release(&mut self, delivery: Delivery) {
        for (name, timer) in delivery.timers {
            match timer {
                Some(timer) => {
                    let alarm = Alarm { at: Instant::now() + timer.after, durable: timer.durable, rang: false };
                    self.timers.insert(name, alarm);
                }
                None => {
                    self.timers.remove(&name);
                }
            }
        }
        for (token, request) in delivery.requests {
            self.requests += 1;
            let (web, answers) = (self.bridge.web.clone(), self.answers.clone());
            tokio::spawn(async move {
                let answer = web.send(request).await;
                // Without a receiver the Store's task has ended, and nobody waits for the answer.
                let _ = answers.send((token, answer));
            });
        }
        self.connections.release(delivery.net);
    }

    fn is_durable(&self, name: &str) -> bool {
        self.timers.get(name).is_some_and(|alarm| alarm.durable)
    }

    async fn forget_timer(&mut self, name: &str) {
        if self.timers.remove(name).is_some_and(|alarm| alarm.durable) {
            let timers = vec![TimerWrite { name: name.to_owned(), at: None }];
            if self.commit(Effects { timers, ..Effects::default() }).await.is_err() {
                tracing::warn!(name, "a timer that was given up still stands and will ring once more");
            }
        }
    }

    /// Lets the guest end in good order; what it keeps open stays open.
    async fn sleep(&mut self) {
        // An answer of `stop` changes nothing: the Store goes either way.
        if self.live.is_some() && self.attempt(Call::Stop, None).await.is_ok() {
            self.live = None;
            self.start = Start::Wake;
            self.bridge.journal.note(&self.id, "asleep");
        }
    }
}

async fn until(alarm: Option<Instant>) {
    if let Some(at) = alarm {
        tokio::time::sleep_until(at).await;
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
