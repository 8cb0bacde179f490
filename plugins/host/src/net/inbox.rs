//! What a connection received and no committed delivery has taken yet.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::framing::Frame;

/// With more than this waiting, the socket is not read.
const FRAMES: usize = 1_024;
const BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// with the headers of the answer, where the connection was made over HTTP
    Opened(Vec<(String, String)>),
    Frame(Frame),
    Writable,
    /// the last one
    Closed(Closed),
}

/// Why a connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// WebSocket's close code, or the HTTP status of an answer that is no success
    pub code: Option<u16>,
    pub reason: String,
}

impl From<String> for Closed {
    fn from(reason: String) -> Self {
        Self { code: None, reason }
    }
}

impl From<&str> for Closed {
    fn from(reason: &str) -> Self {
        Self::from(reason.to_owned())
    }
}

#[derive(Default)]
pub struct Inbox {
    kept: Mutex<Kept>,
    room: Notify,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<NetEvent>,
    bytes: usize,
    /// frames that may still be read; without a budget as many as there are
    credit: Option<u32>,
}

impl Inbox {
    pub fn push(&self, event: NetEvent) {
        let mut kept = self.lock();
        if let NetEvent::Frame(frame) = &event {
            kept.bytes += frame.len();
            kept.credit = kept.credit.map(|credit| credit.saturating_sub(1));
        }
        kept.events.push_back(event);
    }

    /// Waits until another frame may be read.
    pub async fn has_room(&self) {
        loop {
            let notified = self.room.notified();
            if !self.is_full() {
                return;
            }
            notified.await;
        }
    }

    /// Whether nothing is to be read now.
    pub fn is_full(&self) -> bool {
        let kept = self.lock();
        kept.events.len() >= FRAMES || kept.bytes >= BYTES || kept.credit == Some(0)
    }

    pub fn set_credit(&self, frames: u32) {
        self.lock().credit = Some(frames);
        self.room.notify_one();
    }

    pub fn peek(&self, most: usize) -> Vec<NetEvent> {
        self.lock().events.iter().take(most).cloned().collect()
    }

    /// Answers whether the connection's end was among them, and whether there is more.
    pub fn take(&self, count: usize) -> (bool, bool) {
        let mut kept = self.lock();
        let count = count.min(kept.events.len());
        let taken: Vec<NetEvent> = kept.events.drain(..count).collect();
        for event in &taken {
            if let NetEvent::Frame(frame) = event {
                kept.bytes -= frame.len();
            }
        }
        self.room.notify_one();
        (taken.iter().any(|event| matches!(event, NetEvent::Closed(_))), !kept.events.is_empty())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().expect("no code panics while it holds an inbox")
    }
}
