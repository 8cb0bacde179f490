//! A PostgreSQL database's copy is a compressed file for each table, in the text format of `COPY`, which any version of
//! the server reads. All are of one snapshot.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};

use super::{BackupError, DatabaseCopy, DatabaseKind, Present, describe, failed, renew};
use crate::Position;
use crate::committer::sole;

const SUFFIX: &str = ".copy.zst";
const LEVEL: i32 = 3;
/// Bytes that go to the server at once.
const BLOCK: usize = 1 << 20;
/// For the server to notice that a hub has just ended.
const PATIENCE: Duration = Duration::from_secs(3);

const TABLES: &str = "select tablename from pg_tables where schemaname = current_schema() order by tablename";
const SNAPSHOT: &str = "begin isolation level repeatable read, read only";

pub async fn copy(url: &str, folder: &Path) -> Result<DatabaseCopy, BackupError> {
    let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
    connection.execute(SNAPSHOT).await?;
    let row = sqlx::query("select value from counters where name = 'position'").fetch_one(&mut connection).await?;
    let position = Position(row.try_get(0)?);
    let rows = sqlx::query(crate::migrate::DONE).fetch_all(&mut connection).await?;
    let migrations = rows.iter().map(|row| row.try_get(1)).collect::<Result<_, _>>()?;
    let mut files = Vec::new();
    for table in tables(&mut connection).await? {
        let name = format!("{table}{SUFFIX}");
        save(&mut connection, &table, &folder.join(&name)).await?;
        files.push(describe(folder, &name)?);
    }
    connection.close().await?;
    Ok(DatabaseCopy { kind: DatabaseKind::Postgres, migrations, position, files })
}

pub async fn present(url: &str) -> Result<Present, BackupError> {
    let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
    let tables = tables(&mut connection).await?;
    connection.close().await?;
    match tables.iter().any(|table| table == "migrations") {
        true => Ok(Present::Hub),
        false if tables.is_empty() => Ok(Present::Nothing),
        false => Err(BackupError::Foreign),
    }
}

/// In one transaction: what was there stays until all is done.
pub async fn load(url: &str, copy: &DatabaseCopy, folder: &Path) -> Result<(), BackupError> {
    let (mut connection, _) = sole::connect(&url.parse()?, None, PATIENCE).await?;
    let mut transaction = connection.begin().await?;
    for table in tables(&mut transaction).await? {
        transaction.execute(AssertSqlSafe(format!("drop table \"{table}\""))).await?;
    }
    crate::migrate::postgres(&mut transaction, Some(&copy.migrations)).await?;
    for table in tables(&mut transaction).await? {
        // Migrations put rows in some.
        transaction.execute(AssertSqlSafe(format!("truncate \"{table}\""))).await?;
        let path = folder.join(format!("{table}{SUFFIX}"));
        if !copy.files.iter().any(|file| path.ends_with(&file.name)) {
            return Err(BackupError::Damaged(path));
        }
        fill(&mut transaction, &table, &path).await?;
    }
    crate::migrate::postgres(&mut transaction, None).await?;
    let (kept, until) = renew::lost(copy.position);
    sqlx::query(renew::REMEMBER).bind(kept).bind(until).execute(&mut *transaction).await?;
    for sql in renew::STATEMENTS.into_iter().chain(renew::POSTGRES_EPOCHS) {
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(())
}

async fn tables(connection: &mut PgConnection) -> Result<Vec<String>, BackupError> {
    let rows = sqlx::query(TABLES).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

async fn save(connection: &mut PgConnection, table: &str, path: &Path) -> Result<(), BackupError> {
    let failed = failed(path);
    let file = File::create_new(path).map_err(&failed)?;
    let mut packed = zstd::Encoder::new(file, LEVEL).map_err(&failed)?;
    let mut rows = connection.copy_out_raw(&format!("copy \"{table}\" to stdout")).await?;
    while let Some(some) = rows.try_next().await? {
        packed.write_all(&some).map_err(&failed)?;
    }
    packed.finish().and_then(|file| file.sync_all()).map_err(failed)
}

async fn fill(connection: &mut PgConnection, table: &str, path: &Path) -> Result<(), BackupError> {
    let failed = failed(path);
    let file = File::open(path).map_err(&failed)?;
    let mut rows = zstd::Decoder::new(file).map_err(&failed)?;
    let mut copy = connection.copy_in_raw(&format!("copy \"{table}\" from stdin")).await?;
    let mut block = vec![0; BLOCK];
    loop {
        match rows.read(&mut block) {
            Ok(0) => break,
            Ok(count) => {
                copy.send(&block[..count]).await?;
            }
            Err(error) => {
                copy.abort("the file can't be read").await?;
                return Err(failed(error));
            }
        }
    }
    copy.finish().await?;
    Ok(())
}
