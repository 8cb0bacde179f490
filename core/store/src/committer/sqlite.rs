//! The one connection that writes to SQLite. A group is one string of statements and a `commit`: two hand-overs to
//! sqlx's thread, however many rows.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use causeway_fault::Point;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Row as _, SqliteConnection};

use super::group::{Found, HEAD, Layout, Outcome, TAKEN, returns_rows};
use super::tables::{Kind, Rows};
use super::{LockFile, Refusal, StoreFailure};
use crate::error::Trouble;
use crate::{Commit, CommitError, Expect, Position, Row, StoreError, Value};

/// Rows of one statement; SQLite takes 32,766 arguments.
const ROWS: usize = 1000;
const COUNT: &str = "update counters set value = $1 where name = 'position' and value = $2";
/// A string with more statements than this will hardly come twice, so it is not worth a place in the cache.
const CACHED_STEPS: usize = 12;

/// For a hub before this one that is about to end.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct SqliteWriter {
    _lock: LockFile,
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    position: i64,
}

/// What one statement of the string must have done.
struct Step {
    /// `None`: it is of the whole group
    member: Option<usize>,
    /// how many rows it must write
    exact: Option<u64>,
    expect: Expect,
    returns: bool,
}

#[derive(Default)]
struct Script {
    sql: String,
    arguments: Vec<Value>,
    steps: Vec<Step>,
}

impl Script {
    fn whole(&mut self, sql: &str, exact: Option<u64>) {
        let _ = write!(self.sql, "{sql}; ");
        self.steps.push(Step { member: None, exact, expect: Expect::Anything, returns: false });
    }

    fn rows(&mut self, rows: Rows, base: i64) {
        let width = rows.table.columns.len();
        let columns: Vec<&str> = rows.table.columns.iter().map(|(name, _)| *name).collect();
        let row = format!("({})", vec!["?"; width].join(","));
        let mut values = rows.values.into_iter().peekable();
        while values.peek().is_some() {
            let before = self.arguments.len();
            for value in values.by_ref().take(ROWS * width) {
                let column = (self.arguments.len() - before) % width;
                self.arguments.push(match (rows.table.columns[column].1, value) {
                    (Kind::Position, Value::Int(offset)) => Value::Int(base + offset),
                    (_, value) => value,
                });
            }
            let count = (self.arguments.len() - before) / width;
            let _ = write!(self.sql, "with v({}) as (values {}) ", columns.join(","), vec![&*row; count].join(","));
            self.whole(&rows.table.body.replace("{v}", "v"), rows.table.exact.then_some(count as u64));
        }
    }

    fn commit(&mut self, member: usize, commit: &Commit, position: i64) {
        for statement in commit.single_statements() {
            let _ = write!(self.sql, "{}; ", anonymous(statement.sql));
            self.arguments.extend(statement.args.iter().map(|value| match value {
                Value::Position => Value::Int(position),
                value => value.clone(),
            }));
            self.steps.push(Step {
                member: Some(member),
                exact: None,
                expect: statement.expect,
                returns: returns_rows(statement.sql),
            });
        }
    }
}

/// `$1, $2, …` become `?`, which SQLite numbers anew in each statement of the string.
fn anonymous(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '$' && characters.peek().is_some_and(char::is_ascii_digit) {
            out.push('?');
            while characters.next_if(char::is_ascii_digit).is_some() {}
        } else {
            out.push(character);
        }
    }
    out
}

impl SqliteWriter {
    pub async fn open(options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let lock = LockFile::take(options.get_filename(), PATIENCE).await?;
        let mut connection = options.connect().await?;
        crate::migrate::sqlite(&mut connection).await?;
        let position = position(&mut connection).await?;
        Ok(Self { _lock: lock, options, connection: Some(connection), position })
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
                let mut connection = self.options.connect().await?;
                self.position = position(&mut connection).await.map_err(driver)?;
                connection
            }
        };
        let result = self.run(&mut connection, commits, layout).await;
        match &result {
            // After an error of the disk nothing is known of the connection: the next group gets a new one.
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
        connection: &mut SqliteConnection,
        commits: &[&Commit],
        layout: &mut Layout,
    ) -> Result<Outcome, Refusal> {
        let base = self.position;
        let mut script = Script::default();
        script.whole("begin immediate", None);
        if layout.positions > 0 {
            script.whole(&anonymous(COUNT), Some(1));
            script.arguments.extend([Value::Int(base + layout.positions), Value::Int(base)]);
        }
        for rows in std::mem::take(&mut layout.rows) {
            script.rows(rows, base);
        }
        for (member, commit) in commits.iter().enumerate() {
            script.commit(member, commit, layout.position(member, base));
        }

        let mut returned: Vec<Vec<Vec<Row>>> = commits.iter().map(|_| Vec::new()).collect();
        let verdict = self.judge(connection, commits, script, &mut returned).await?;
        if let Some(refusal) = verdict {
            sqlx::query("rollback").execute(&mut *connection).await?;
            return Err(match refusal {
                Verdict::Conditions => Refusal::Lost(find(connection, commits).await?.losers(commits)),
                Verdict::Lost(losers) => Refusal::Lost(losers),
                Verdict::Unclear(error) => Refusal::Unclear(error),
                Verdict::Position => {
                    self.position = position(connection).await.map_err(driver)?;
                    Refusal::Moved
                }
            });
        }
        Point::GroupWritten.pass();
        sqlx::query("commit").execute(&mut *connection).await?;
        self.position = base + layout.positions;
        Ok(Outcome { base, returned })
    }

    /// Runs the string and looks at what each statement did. An error is the database's; a verdict is a rollback.
    async fn judge(
        &self,
        connection: &mut SqliteConnection,
        commits: &[&Commit],
        script: Script,
        returned: &mut [Vec<Vec<Row>>],
    ) -> Result<Option<Verdict>, Refusal> {
        let mut query = sqlx::query(AssertSqlSafe(script.sql)).persistent(script.steps.len() <= CACHED_STEPS);
        for value in script.arguments {
            query = query.bind(value);
        }
        #[expect(
            deprecated,
            reason = "several statements in one string are the point, and only with arguments are they fast"
        )]
        let mut results = query.fetch_many(&mut *connection);
        let mut steps = script.steps.iter();
        let mut rows = Vec::new();
        let mut losers: Vec<(usize, CommitError)> = Vec::new();
        let mut missed = None;
        loop {
            let step = match results.try_next().await {
                Ok(None) => break,
                Ok(Some(Either::Right(row))) => {
                    rows.push(Row::Sqlite(row));
                    continue;
                }
                Ok(Some(Either::Left(done))) => {
                    let Some(step) = steps.next() else { continue };
                    (step, done.rows_affected())
                }
                // Every row with a position of somebody else's is refused then.
                Err(_) if matches!(missed, Some(Verdict::Position)) => return Ok(missed),
                Err(error) if Trouble::of(&error) == Trouble::Statement => {
                    let error = Arc::new(error);
                    return Ok(Some(match steps.next().and_then(|step| step.member) {
                        Some(member) => {
                            losers.retain(|(loser, _)| *loser < member);
                            losers.push((member, CommitError::Store(StoreError::shared(&error))));
                            Verdict::Lost(losers)
                        }
                        None if commits.len() == 1 => {
                            Verdict::Lost(vec![(0, CommitError::Store(StoreError::shared(&error)))])
                        }
                        None => Verdict::Unclear(error),
                    }));
                }
                Err(error) => return Err(error.into()),
            };
            let (step, written) = step;
            if let Some(exact) = step.exact
                && exact != written
                && missed.is_none()
            {
                // The first conditional statement is the counter's own, if there is one.
                let counter = std::ptr::eq(step, &script.steps[1]) && step.exact == Some(1);
                missed = Some(if counter { Verdict::Position } else { Verdict::Conditions });
            }
            let Some(member) = step.member else { continue };
            if let Expect::Written(label) = step.expect
                && written == 0
                && losers.last().is_none_or(|(loser, _)| *loser != member)
            {
                losers.push((member, CommitError::Lost(label)));
            }
            if step.returns {
                returned[member].push(std::mem::take(&mut rows));
            }
        }
        Ok(missed.or_else(|| (!losers.is_empty()).then_some(Verdict::Lost(losers))))
    }
}

/// Why a group is rolled back.
enum Verdict {
    /// a head or a transaction id was not what a member thought
    Conditions,
    Lost(Vec<(usize, CommitError)>),
    Unclear(Arc<sqlx::Error>),
    /// somebody else wrote to this database
    Position,
}

fn driver(error: StoreError) -> Refusal {
    Refusal::Failed(StoreFailure::Text(error.to_string()))
}

async fn position(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("select value from counters where name = 'position'").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

async fn find(connection: &mut SqliteConnection, commits: &[&Commit]) -> Result<Found, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::anonymous;

    #[test]
    fn numbered_arguments_become_anonymous() {
        assert_eq!(anonymous("set b = $1 where c = $12"), "set b = ? where c = ?");
    }
}
