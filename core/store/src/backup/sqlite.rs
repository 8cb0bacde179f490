//! A SQLite database's copy is a database.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use super::{BackupError, DatabaseCopy, DatabaseKind, Present, describe, failed, renew};
use crate::Position;
use crate::committer::LockFile;

const FILE: &str = "causeway.db";

pub async fn copy(path: &Path, folder: &Path) -> Result<DatabaseCopy, BackupError> {
    let file = folder.join(FILE);
    let mut hub = SqliteConnectOptions::new().filename(path).connect().await?;
    let name = file.to_str().ok_or_else(|| failed(&file)(std::io::ErrorKind::InvalidFilename.into()))?;
    sqlx::query("vacuum into $1").bind(name).execute(&mut hub).await?;
    hub.close().await?;
    sync(&file)?;

    let mut copy = SqliteConnectOptions::new().filename(&file).read_only(true).connect().await?;
    let position = position(&mut copy).await?;
    let rows = sqlx::query(crate::migrate::DONE).fetch_all(&mut copy).await?;
    let migrations = rows.iter().map(|row| row.try_get(1)).collect::<Result<_, _>>()?;
    copy.close().await?;
    let files = vec![describe(folder, FILE)?];
    Ok(DatabaseCopy { kind: DatabaseKind::Sqlite, migrations, position, files })
}

pub fn present(path: &Path) -> Result<Present, BackupError> {
    match fs::metadata(path) {
        Ok(file) if file.len() > 0 => Ok(Present::Hub),
        Ok(_) => Ok(Present::Nothing),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Present::Nothing),
        Err(source) => Err(failed(path)(source)),
    }
}

/// The copy is renewed beside its place and then moved there; what was there is moved aside.
pub async fn load(path: &Path, copy: &DatabaseCopy, folder: &Path) -> Result<Option<PathBuf>, BackupError> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let _lock = LockFile::take(path, std::time::Duration::ZERO).await?;
    let part = with(path, ".restoring");
    remove(&part)?;
    fs::copy(folder.join(FILE), &part).map_err(failed(&part))?;
    let mut connection = SqliteConnectOptions::new().filename(&part).connect().await?;
    crate::migrate::sqlite(&mut connection).await?;
    renew(&mut connection, copy.position).await?;
    connection.close().await?;
    sync(&part)?;

    let mut kept = None;
    if present(path)? == Present::Hub {
        let aside = with(path, ".replaced");
        // What a hub that crashed has left in the log beside it belongs to it, and must not be read into another.
        for suffix in ["-wal", "-shm", ""] {
            let (from, to) = (with(path, suffix), with(&aside, suffix));
            remove(&to)?;
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&from)(error)),
                _ => {}
            }
        }
        kept = Some(aside);
    }
    fs::rename(&part, path).map_err(failed(path))?;
    if let Some(folder) = path.parent() {
        sync(folder)?;
    }
    Ok(kept)
}

async fn renew(connection: &mut SqliteConnection, kept: Position) -> Result<(), BackupError> {
    let mut transaction = connection.begin().await?;
    let (kept, until) = renew::lost(kept);
    sqlx::query(renew::REMEMBER).bind(kept).bind(until).execute(&mut *transaction).await?;
    for sql in renew::STATEMENTS.into_iter().chain(renew::SQLITE_EPOCHS) {
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn position(connection: &mut SqliteConnection) -> Result<Position, BackupError> {
    let row = sqlx::query("select value from counters where name = 'position'").fetch_one(connection).await?;
    Ok(Position(row.try_get(0)?))
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed(path))
}
