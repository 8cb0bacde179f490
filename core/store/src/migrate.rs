//! The migrations of `migrations/`, embedded, in the order of their numbers.
//!
//! A text is written once with the types `bigint`, `text` and `bytea`. For SQLite they become `integer`, `text` and
//! `blob` and every table is `strict`; a table followed by the comment `/* clustered */` is stored in the order of its
//! primary key (`without rowid`). For PostgreSQL every text column is compared by bytes (`collate "C"`). Where the
//! databases truly differ, a migration is a pair: `NNNN-name.sqlite.sql` and `NNNN-name.postgres.sql`.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};

use crate::{Database, StoreConfig, StoreError};

pub(crate) struct Migration {
    pub number: i64,
    pub name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

pub(crate) const MIGRATIONS: &[Migration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

const TABLE: &str = "create table if not exists migrations (number bigint primary key, name text not null)";
pub(crate) const DONE: &str = "select number, name from migrations order by number";
const HAS_TABLE_SQLITE: &str = "select 1 from sqlite_master where type = 'table' and name = 'migrations'";
const HAS_TABLE_POSTGRES: &str = "select 1 where to_regclass('migrations') is not null";
const RECORD: &str = "insert into migrations (number, name) values ($1, $2)";

pub(crate) async fn sqlite(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    connection.execute(TABLE).await?;
    let rows = sqlx::query(DONE).fetch_all(&mut *connection).await?;
    let done =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, sqlx::Error>>()?;
    for migration in pending(&done)? {
        let mut transaction = connection.begin().await?;
        for statement in statements(migration.sqlite) {
            transaction.execute(sqlx::AssertSqlSafe(for_sqlite(&statement))).await.map_err(|e| failed(migration, e))?;
        }
        sqlx::query(RECORD).bind(migration.number).bind(migration.name).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// `only`: the names of those that are wanted, none for all.
pub(crate) async fn postgres(connection: &mut PgConnection, only: Option<&[String]>) -> Result<(), StoreError> {
    connection.execute(TABLE).await?;
    let rows = sqlx::query(DONE).fetch_all(&mut *connection).await?;
    let done =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, sqlx::Error>>()?;
    let wanted =
        |migration: &&'static Migration| only.is_none_or(|only| only.iter().any(|name| name == migration.name));
    for migration in pending(&done)?.into_iter().filter(wanted) {
        let mut transaction = connection.begin().await?;
        for statement in statements(migration.postgres) {
            transaction
                .execute(sqlx::AssertSqlSafe(for_postgres(&statement)))
                .await
                .map_err(|e| failed(migration, e))?;
        }
        sqlx::query(RECORD).bind(migration.number).bind(migration.name).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// The migrations that the next [`Store::open`](crate::Store::open) would make; changes nothing.
///
/// # Errors
/// When the database cannot be reached, or a newer program has migrated it.
pub async fn pending_migrations(config: &StoreConfig) -> Result<Vec<&'static str>, StoreError> {
    let done: Result<Vec<(i64, String)>, sqlx::Error> = match &config.database {
        Database::Sqlite { path, .. } => {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(false);
            let mut connection = SqliteConnection::connect_with(&options.pragma("query_only", "on")).await?;
            if sqlx::query(HAS_TABLE_SQLITE).fetch_optional(&mut connection).await?.is_none() {
                return Ok(names(pending(&[])?));
            }
            let rows = sqlx::query(DONE).fetch_all(&mut connection).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
        }
        Database::Postgres { url } => {
            let mut connection = PgConnection::connect(url).await?;
            if sqlx::query(HAS_TABLE_POSTGRES).fetch_optional(&mut connection).await?.is_none() {
                return Ok(names(pending(&[])?));
            }
            let rows = sqlx::query(DONE).fetch_all(&mut connection).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
        }
    };
    Ok(names(pending(&done?)?))
}

/// # Errors
/// When one of them is none of this program's.
pub(crate) fn check_known(names: &[String]) -> Result<(), StoreError> {
    match names.iter().find(|name| !MIGRATIONS.iter().any(|migration| migration.name == **name)) {
        Some(name) => Err(unknown(name)),
        None => Ok(()),
    }
}

fn unknown(name: &str) -> StoreError {
    StoreError::inconsistent(format!(
        "the database has migration {name}, which this program does not know; use the newer program"
    ))
}

fn names(migrations: Vec<&'static Migration>) -> Vec<&'static str> {
    migrations.into_iter().map(|migration| migration.name).collect()
}

fn failed(migration: &Migration, source: sqlx::Error) -> StoreError {
    StoreError::Inconsistent { what: format!("migration {} failed", migration.name), source: Some(Box::new(source)) }
}

fn pending(done: &[(i64, String)]) -> Result<Vec<&'static Migration>, StoreError> {
    if let Some((_, name)) = done.iter().find(|(number, name)| {
        !MIGRATIONS.iter().any(|migration| migration.number == *number && migration.name == name)
    }) {
        return Err(unknown(name));
    }
    Ok(MIGRATIONS.iter().filter(|migration| !done.iter().any(|(number, _)| *number == migration.number)).collect())
}

/// The statements of a text, without comments but for `/* clustered */`.
fn statements(text: &str) -> Vec<String> {
    let without_comments: Vec<&str> =
        text.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code)).collect();
    let text = without_comments.join("\n");
    text.split(';').map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}

fn for_sqlite(statement: &str) -> String {
    let typed = replace_words(statement, |word| match word {
        "bigint" => Some("integer"),
        "bytea" => Some("blob"),
        _ => None,
    });
    if !typed.starts_with("create table") || typed.contains(") strict") {
        return typed;
    }
    match typed.strip_suffix("/* clustered */") {
        Some(table) => format!("{} strict, without rowid", table.trim_end()),
        None => format!("{typed} strict"),
    }
}

fn for_postgres(statement: &str) -> String {
    if statement.starts_with("create table") || statement.starts_with("alter table") {
        replace_words(statement, |word| (word == "text").then_some("text collate \"C\""))
    } else {
        statement.to_owned()
    }
}

/// Replaces whole words outside of string literals.
fn replace_words(text: &str, replacement: impl Fn(&str) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut word = String::new();
    let mut quoted = false;
    for character in text.chars().chain(['\n']) {
        if !quoted && (character.is_ascii_alphanumeric() || character == '_') {
            word.push(character);
            continue;
        }
        out.push_str(replacement(&word).unwrap_or(&word));
        word.clear();
        quoted ^= character == '\'';
        out.push(character);
    }
    out.pop();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_mapped_outside_of_literals_and_words() {
        let text =
            "create table t (a bigint primary key, b_text text not null default 'text', c bytea) /* clustered */";
        assert_eq!(
            for_sqlite(text),
            "create table t (a integer primary key, b_text text not null default 'text', c blob) strict, without rowid"
        );
        assert_eq!(
            for_postgres("create table t (b_text text default 'text')"),
            "create table t (b_text text collate \"C\" default 'text')"
        );
    }

    #[test]
    fn numbers_are_unique() {
        for pair in MIGRATIONS.windows(2) {
            assert!(pair[0].number < pair[1].number, "{} and {} share a number", pair[0].name, pair[1].name);
        }
    }
}
