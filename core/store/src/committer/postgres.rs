//! The one connection of this process that writes to PostgreSQL. The rows of all events are one data-modifying
//! statement, a single round trip when the group has nothing else.
//!
//! Every part of that statement depends on the counter's update, which so comes first: its row lock orders the
//! committers of several processes, and none can wait for another in a circle.

use std::fmt::Write as _;
use std::sync::Arc;

use causeway_fault::Point;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::Refusal;
use super::group::{Found, HEAD, Layout, Outcome, TAKEN, returns_rows};
use super::sole::{self, Tenure};
use super::tables::{Kind, Rows};
use crate::error::Trouble;
use crate::{Commit, CommitError, Expect, Position, Row, StoreError, Value};

const COUNT: &str = "update counters set value = value + $1 where name = 'position' returning value - $1";
/// `division_by_zero`: raised on purpose by the statement when a conditional row was not written.
const MISSED: &str = "22012";

pub(crate) struct PostgresWriter {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    tenure: Tenure,
    position: i64,
}

impl PostgresWriter {
    pub async fn open(options: PgConnectOptions) -> Result<Self, StoreError> {
        let (mut connection, backend) = sole::connect(&options, None, sole::PATIENCE).await?;
        crate::migrate::postgres(&mut connection, None).await?;
        let term = sole::begin_term(&mut connection).await?;
        let position = position(&mut connection).await?;
        Ok(Self { options, connection: Some(connection), tenure: Tenure { backend, term }, position })
    }

    pub fn position(&self) -> Position {
        Position(self.position)
    }

    pub async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = %error, "closing the database");
        }
    }

    pub async fn attempt(&mut self, commits: &[&Commit], layout: &mut Layout) -> Result<Outcome, Refusal> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let failed = |error: StoreError| Refusal::Failed(error.into());
                let (mut connection, backend) =
                    sole::connect(&self.options, Some(self.tenure), sole::PATIENCE).await.map_err(failed)?;
                self.tenure.backend = backend;
                self.position = position(&mut connection).await.map_err(failed)?;
                connection
            }
        };
        let result = self.run(&mut connection, commits, layout).await;
        match &result {
            // Nothing is known of the connection: the next group gets a new one.
            Err(Refusal::Failed(_)) => {
                if let Err(error) = connection.close_hard().await {
                    tracing::debug!(error = %error, "closing a broken connection");
                }
            }
            _ => self.connection = Some(connection),
        }
        result
    }

    async fn run(
        &mut self,
        connection: &mut PgConnection,
        commits: &[&Commit],
        layout: &mut Layout,
    ) -> Result<Outcome, Refusal> {
        let rows = std::mem::take(&mut layout.rows);
        let statements: usize = commits.iter().map(|commit| commit.single_statements().count()).sum();
        let transaction = statements > 1 || (statements > 0 && (layout.positions > 0 || !rows.is_empty()));
        if transaction {
            sqlx::query("begin").execute(&mut *connection).await?;
        }
        let mut returned: Vec<Vec<Vec<Row>>> = commits.iter().map(|_| Vec::new()).collect();
        let written = self.write(connection, commits, layout, rows, &mut returned).await;
        match written {
            Ok(base) => {
                if transaction {
                    Point::GroupWritten.pass();
                    sqlx::query("commit").execute(&mut *connection).await?;
                }
                self.position = self.position.max(base + layout.positions);
                Ok(Outcome { base, returned })
            }
            Err(refusal) => {
                if transaction && !matches!(refusal, Refusal::Failed(_)) {
                    sqlx::query("rollback").execute(&mut *connection).await?;
                }
                match refusal {
                    Refusal::Unclear(error) if is_missed(&error) => {
                        Err(Refusal::Lost(find(connection, commits).await?.losers(commits)))
                    }
                    refusal => Err(refusal),
                }
            }
        }
    }

    /// Answers the log's position before the group.
    async fn write(
        &self,
        connection: &mut PgConnection,
        commits: &[&Commit],
        layout: &Layout,
        rows: Vec<Rows>,
        returned: &mut [Vec<Vec<Row>>],
    ) -> Result<i64, Refusal> {
        let base = if !rows.is_empty() {
            append(connection, layout.positions, rows).await.map_err(of_all)?
        } else if layout.positions > 0 {
            let row = sqlx::query(COUNT).bind(layout.positions).fetch_one(&mut *connection).await?;
            row.try_get(0)?
        } else {
            self.position
        };
        for (member, commit) in commits.iter().enumerate() {
            let position = layout.position(member, base);
            for statement in commit.single_statements() {
                let of_member = |error: sqlx::Error| match Trouble::of(&error) {
                    Trouble::Statement => Refusal::Lost(vec![(member, CommitError::Store(StoreError::from(error)))]),
                    _ => error.into(),
                };
                let mut query = sqlx::query(statement.sql);
                for value in &statement.args {
                    query = query.bind(match value {
                        Value::Position => Value::Int(position),
                        value => value.clone(),
                    });
                }
                let written = if returns_rows(statement.sql) {
                    let rows = query.fetch_all(&mut *connection).await.map_err(of_member)?;
                    let count = rows.len() as u64;
                    returned[member].push(rows.into_iter().map(Row::Postgres).collect());
                    count
                } else {
                    query.execute(&mut *connection).await.map_err(of_member)?.rows_affected()
                };
                if let Expect::Written(label) = statement.expect
                    && written == 0
                {
                    return Err(Refusal::Lost(vec![(member, CommitError::Lost(label))]));
                }
            }
        }
        Ok(base)
    }
}

fn of_all(error: sqlx::Error) -> Refusal {
    match Trouble::of(&error) {
        Trouble::Statement => Refusal::Unclear(Arc::new(error)),
        _ => error.into(),
    }
}

fn is_missed(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == MISSED)
}

/// One statement for the rows of all tables; answers the position before them.
async fn append(connection: &mut PgConnection, positions: i64, rows: Vec<Rows>) -> Result<i64, sqlx::Error> {
    let mut sql = format!("with c as ({COUNT} as base)");
    let mut checks = String::new();
    let mut argument = 1;
    for (index, rows) in rows.iter().enumerate() {
        let columns = rows.table.columns;
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let selected: Vec<String> = columns
            .iter()
            .map(|(name, kind)| match kind {
                Kind::Position => format!("c.base + u.{name} as {name}"),
                _ => format!("u.{name}"),
            })
            .collect();
        let arrays: Vec<String> = columns
            .iter()
            .map(|(_, kind)| {
                argument += 1;
                format!("${argument}::{}[]", kind.postgres())
            })
            .collect();
        let _ = write!(
            sql,
            ", v{index} as (select {} from c, unnest({}) as u({})), w{index} as ({} returning 1)",
            selected.join(", "),
            arrays.join(", "),
            names.join(", "),
            rows.table.body.replace("{v}", &format!("v{index}")),
        );
        if rows.table.exact {
            let _ = write!(checks, " and (select count(*) from w{index}) = {}", rows.len());
        }
    }
    let _ = write!(sql, " select base, 1 / (case when true{checks} then 1 else 0 end) from c");

    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(positions);
    for rows in rows {
        let width = rows.table.columns.len();
        let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(rows.values.len() / width); width];
        for (index, value) in rows.values.into_iter().enumerate() {
            columns[index % width].push(value);
        }
        for ((_, kind), values) in rows.table.columns.iter().zip(columns) {
            let values = values.into_iter();
            query = match kind {
                Kind::Int | Kind::Position => query.bind(values.map(Value::into_int).collect::<Vec<_>>()),
                Kind::Text => query.bind(values.map(Value::into_text).collect::<Vec<_>>()),
                Kind::Bytes => query.bind(values.map(Value::into_bytes).collect::<Vec<_>>()),
            };
        }
    }
    query.fetch_one(connection).await?.try_get(0)
}

impl Kind {
    pub(crate) fn postgres(self) -> &'static str {
        match self {
            Self::Int | Self::Position => "int8",
            Self::Text => "text",
            Self::Bytes => "bytea",
        }
    }
}

async fn position(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("select value from counters where name = 'position'").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

async fn find(connection: &mut PgConnection, commits: &[&Commit]) -> Result<Found, Refusal> {
    let mut found = Found { heads: Vec::new(), taken: Vec::new() };
    for commit in commits {
        let (mut head, mut taken) = (None, false);
        if let Some(append) = &commit.append {
            let row = sqlx::query(HEAD).bind(append.room.nid.0).fetch_optional(&mut *connection).await?;
            head = row.map(|row| row.try_get(0)).transpose()?;
            if let Some(txn) = &append.transaction {
                let query = sqlx::query(TAKEN).bind(txn.sender.0).bind(txn.device.to_string());
                let query = query.bind(append.room.nid.0).bind(txn.txn_id.to_string());
                taken = query.fetch_optional(&mut *connection).await?.is_some();
            }
        }
        found.heads.push(head);
        found.taken.push(taken);
    }
    Ok(found)
}
