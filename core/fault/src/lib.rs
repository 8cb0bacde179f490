//! Fault points: the moments at which the crash campaigns let the hub die, all in one list.
//!
//! `CAUSEWAY_FAULT=frames-written:3` ends the process, as `kill -9` would, when the point is passed the third time. Only
//! debug builds and builds with the feature `points` look at it; elsewhere passing a point is nothing.

/// A moment between two steps of which either both or the first alone may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// store: the rows of a group are written; its commit is still to come
    GroupWritten,
    /// store: a group is on disk; nobody has been answered or told
    GroupCommitted,
    /// router: a transaction is recorded; its request is still to come
    TransactionRecorded,
    /// router: a transaction is answered; the cursor has not moved
    TransactionAnswered,
    /// engine: remote events are in the inbox on disk; no lane knows of them
    InboxFiled,
    /// engine: it is on disk that the network has a message; the router still has it as pending
    SettledUntold,
    /// host: a guest has returned, perhaps with the network's acknowledgement; nothing of it is committed
    DeliveryReturned,
    /// host: what a guest did is committed; its frames are not on the socket
    DeliveryCommitted,
    /// host: frames are on the socket; the network has not acknowledged them
    FramesWritten,
}

impl Point {
    pub const ALL: [Self; 9] = [
        Self::GroupWritten,
        Self::GroupCommitted,
        Self::TransactionRecorded,
        Self::TransactionAnswered,
        Self::InboxFiled,
        Self::SettledUntold,
        Self::DeliveryReturned,
        Self::DeliveryCommitted,
        Self::FramesWritten,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::GroupWritten => "group-written",
            Self::GroupCommitted => "group-committed",
            Self::TransactionRecorded => "transaction-recorded",
            Self::TransactionAnswered => "transaction-answered",
            Self::InboxFiled => "inbox-filed",
            Self::SettledUntold => "settled-untold",
            Self::DeliveryReturned => "delivery-returned",
            Self::DeliveryCommitted => "delivery-committed",
            Self::FramesWritten => "frames-written",
        }
    }

    /// The process is here.
    #[inline(always)]
    pub fn pass(self) {
        #[cfg(any(debug_assertions, feature = "points"))]
        armed::pass(self);
    }
}

#[cfg(any(debug_assertions, feature = "points"))]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::Point;

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    struct Armed {
        point: Point,
        left: AtomicU32,
    }

    /// # Panics
    /// When the variable names no point: a campaign that would test nothing.
    fn read() -> Option<Armed> {
        let text = std::env::var("CAUSEWAY_FAULT").ok()?;
        let named = text.split_once(':').and_then(|(name, count)| {
            let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
            Some(Armed { point, left: AtomicU32::new(count.parse().ok()?) })
        });
        Some(named.unwrap_or_else(|| panic!("CAUSEWAY_FAULT={text} is not POINT:COUNT")))
    }

    pub fn pass(point: Point) {
        let Some(armed) = ARMED.get_or_init(read) else { return };
        if armed.point == point && armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            eprintln!("the fault point {} ends the process", point.name());
            std::process::abort();
        }
    }
}
