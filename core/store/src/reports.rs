//! What users report to those who run the server.

use crate::{Row, Statement, Store, StoreError, Value, values};

#[derive(Clone, Debug)]
pub struct ReportRow {
    /// grows with time
    pub id: i64,
    pub reporter: String,
    pub room_id: Option<String>,
    pub event_id: Option<String>,
    /// who is reported, or who sent what is
    pub user_id: Option<String>,
    pub reason: Option<String>,
    pub score: Option<i64>,
    /// milliseconds since the Unix epoch
    pub received: i64,
}

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    Event,
    Room,
    User,
}

impl Reported {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Room => "room",
            Self::User => "user",
        }
    }
}

impl Store {
    /// A page, newest first, and how many there are.
    pub async fn reports(&self, kind: Reported, skip: i64, limit: i64) -> Result<(Vec<ReportRow>, i64), StoreError> {
        let count = self
            .fetch_optional("select count(*) from reports where kind = $1", values![kind.as_str()])
            .await?
            .map_or(Ok(0), |row| row.get(0))?;
        let rows = self
            .fetch(
                "select id, reporter, room_id, event_id, user_id, reason, score, received from reports \
                 where kind = $1 order by id desc limit $2 offset $3",
                values![kind.as_str(), limit, skip],
            )
            .await?;
        Ok((rows.iter().map(ReportRow::read).collect::<Result<_, _>>()?, count))
    }
}

impl ReportRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            reporter: row.get(1)?,
            room_id: row.get(2)?,
            event_id: row.get(3)?,
            user_id: row.get(4)?,
            reason: row.get(5)?,
            score: row.get(6)?,
            received: row.get(7)?,
        })
    }
}

/// The commit's position becomes the report's id.
pub fn put_report(kind: Reported, report: &ReportRow) -> Statement {
    let mut args = vec![Value::Position];
    args.extend(values![
        kind.as_str(),
        report.reporter.as_str(),
        report.room_id.as_deref(),
        report.event_id.as_deref(),
        report.user_id.as_deref(),
        report.reason.as_deref(),
        report.score,
        report.received,
    ]);
    Statement::new(
        "insert into reports (id, kind, reporter, room_id, event_id, user_id, reason, score, received) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args,
    )
}
