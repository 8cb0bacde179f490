//! What a guest may use, and the name of each limit it can run into.

use std::time::Duration;

/// A limit that a guest ran into. Its reason is the label of the metric, a field of the log line and the reason of
/// the failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// CPU time of one call
    Cpu,
    /// time that one call waited inside host functions
    Wall,
    Memory,
    /// elements of a wasm table, or handles held
    Table,
    /// call depth
    Stack,
    Trap,
    /// the guest called `exit`
    Exit,
    /// bytes that one call moved from the guest to the host
    Answer,
    /// effects of one delivery
    Effects,
    Timers,
    /// bytes of log per second
    Log,
    HttpHost,
    NetHost,
    PrivateAddress,
    File,
    Socket,
    KvKey,
    KvQuota,
    Connections,
    Requests,
    /// bytes waiting to be written to a connection
    Frames,
    /// an id that can't stand for anything on the Matrix side
    Namespace,
    /// the engine refused the delivery's effects
    Refused,
    /// `start` answered with an error
    Start,
    /// the database did not answer: no fault of the guest
    Storage,
}

impl Limit {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wall => "wall",
            Self::Memory => "memory",
            Self::Table => "table",
            Self::Stack => "stack",
            Self::Trap => "trap",
            Self::Exit => "exit",
            Self::Answer => "answer",
            Self::Effects => "effects",
            Self::Timers => "timers",
            Self::Log => "log",
            Self::HttpHost => "http-host",
            Self::NetHost => "net-host",
            Self::PrivateAddress => "private-address",
            Self::File => "file",
            Self::Socket => "socket",
            Self::KvKey => "kv-key",
            Self::KvQuota => "kv-quota",
            Self::Connections => "connections",
            Self::Requests => "requests",
            Self::Frames => "frames",
            Self::Namespace => "namespace",
            Self::Refused => "refused",
            Self::Start => "start",
            Self::Storage => "storage",
        }
    }
}

/// The ceilings that are the same for all bridges; memory, key-values and connections are in the grant.
#[derive(Clone, Debug)]
pub struct Ceilings {
    /// CPU time of a call
    pub cpu: Duration,
    /// CPU time of `start`, `fetch-history` and the `login-*` calls
    pub cpu_long: Duration,
    /// time that a call may wait inside host functions, all together
    pub wall: Duration,
    pub table_elements: usize,
    /// handles of `media` and WASI that a Store may hold
    pub handles: usize,
    /// bytes that the guest moves to the host in one call of either direction
    pub answer_bytes: usize,
    pub effects: usize,
    pub timers: usize,
    pub log_bytes_per_second: u64,
    pub kv_value_bytes: usize,
    pub requests: usize,
    pub response_bytes: u64,
    /// bytes waiting to be written to one connection
    pub queued_bytes: usize,
    /// first wait after a failure, doubled up to `backoff_max`
    pub backoff: Duration,
    pub backoff_max: Duration,
    /// without failure for so long, the next back-off is the first again
    pub health: Duration,
    /// failures of one delivery before it is given up, where others pass
    pub attempts: u32,
    /// a Store without calls for so long is dropped; its connections stay
    pub idle: Duration,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(2),
            cpu_long: Duration::from_secs(30),
            wall: Duration::from_secs(60),
            table_elements: 100_000,
            handles: 1_000,
            answer_bytes: 32 << 20,
            effects: 10_000,
            timers: 1_000,
            log_bytes_per_second: 64 << 10,
            kv_value_bytes: 256 << 10,
            requests: 16,
            response_bytes: 32 << 20,
            queued_bytes: 1 << 20,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            health: Duration::from_secs(600),
            attempts: 5,
            idle: Duration::from_secs(60),
        }
    }
}
