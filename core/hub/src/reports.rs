//! What users report to those who run the server (client-server API, "Reporting content").

use causeway_store::{Commit, CommitError, ReportRow, Reported, Store, StoreError, put_report};

use crate::time::now_ms;

#[derive(Clone)]
pub struct Reports {
    store: Store,
}

impl Reports {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// `report.id` and `report.received` are given here.
    pub async fn make(&self, kind: Reported, report: ReportRow) -> Result<(), CommitError> {
        let report = ReportRow { received: now_ms(), ..report };
        let (room_id, event_id, user_id) = (&report.room_id, &report.event_id, &report.user_id);
        let (reporter, kind_of) = (&report.reporter, kind.as_str());
        tracing::info!(kind = kind_of, reporter, ?room_id, ?event_id, ?user_id, "something was reported");
        self.store.commit(Commit::of(vec![put_report(kind, &report)])).await.map(drop)
    }

    /// A page, newest first, and how many there are.
    pub async fn list(&self, kind: Reported, skip: usize, limit: usize) -> Result<(Vec<ReportRow>, i64), StoreError> {
        self.store.reports(kind, skip as i64, limit as i64).await
    }
}
