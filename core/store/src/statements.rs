//! Prepares every statement of this crate on both databases (design §5.10): those that the modules list, and every
//! literal in the source that reads like one.

use std::fs;
use std::path::{Path, PathBuf};

use causeway_emulators::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection};

use crate::committer::tables;
use crate::{Store, StoreConfig};

const VERBS: [&str; 5] = ["select ", "insert into ", "update ", "delete from ", "with "];
/// What only one database has; such texts are in pairs.
const ONLY_SQLITE: [&str; 4] = ["json_each", "pragma ", "search_fts", "randomblob"];
const ONLY_POSTGRES: [&str; 4] = ["json_array_elements", "pg_", "search_tsv", "gen_random_uuid"];

#[tokio::test]
async fn every_statement_prepares_on_sqlite() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("causeway.db");
    let _store = Store::open(StoreConfig::sqlite(&path)).await.unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let (mut count, mut failures) = (0, Vec::new());
    for sql in all(&ONLY_POSTGRES).into_iter().chain(tables::ALL.iter().map(|table| in_sqlite(table))) {
        let prepared = (&mut connection).prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await;
        failures.extend(prepared.err().map(|error| format!("{sql}: {error}")));
        count += 1;
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(count > 100, "only {count} statements were found");
}

#[tokio::test]
async fn every_statement_prepares_on_postgres() {
    let server = Postgres::shared().unwrap();
    let url = server.database().unwrap();
    let _store = Store::open(StoreConfig::postgres(&url)).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut failures = Vec::new();
    for sql in all(&ONLY_SQLITE).into_iter().chain(tables::ALL.iter().map(|table| in_postgres(table))) {
        let prepared = (&mut connection).prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await;
        failures.extend(prepared.err().map(|error| format!("{sql}: {error}")));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

fn in_sqlite(table: &tables::Table) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let values = vec!["?"; columns.len()].join(", ");
    format!("with v({}) as (values ({values})) {}", columns.join(", "), table.body.replace("{v}", "v"))
}

fn in_postgres(table: &tables::Table) -> String {
    let columns: Vec<String> =
        table.columns.iter().map(|(name, kind)| format!("null::{} as {name}", kind.postgres())).collect();
    format!("with v as (select {}) {}", columns.join(", "), table.body.replace("{v}", "v"))
}

fn all(but: &[&str]) -> Vec<String> {
    let listed = [
        crate::aliases::SQL,
        crate::all_ids::SQL,
        crate::audit::SQL,
        crate::buried_rooms::SQL,
        crate::client_transactions::SQL,
        crate::dead_letters::SQL,
        crate::destinations::SQL,
        crate::entries::SQL,
        crate::exceptions::SQL,
        crate::interest::SQL,
        crate::interested::SQL,
        crate::interning::SQL,
        crate::lanes::SQL,
        crate::published_rooms::SQL,
        crate::purge::SQL,
        crate::receipts::SQL,
        crate::registrations::SQL,
        crate::related::SQL,
        crate::replaced::SQL,
        crate::room_deletions::SQL,
        crate::rooms::SQL,
        crate::search::SQL,
        crate::states::SQL,
        crate::user_rooms::SQL,
        crate::windows::SQL,
    ];
    let mut statements: Vec<String> = listed.concat().into_iter().map(str::to_owned).collect();
    for pair in crate::entries::LISTED
        .iter()
        .chain(crate::states::LISTED)
        .chain(crate::purge::LISTED)
        .chain(crate::buried_rooms::LISTED)
    {
        statements.extend([pair.sqlite.to_owned(), pair.postgres.to_owned()]);
    }
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for file in files {
        statements.extend(literals(&fs::read_to_string(file).unwrap()));
    }
    statements.retain(|sql| !but.iter().any(|word| sql.contains(word)));
    statements
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.file_name().is_some_and(|name| name != "statements.rs" && name != "migrate.rs") {
            files.push(path);
        }
    }
}

/// String literals that are whole statements: not the templates, and not the pieces that macros join.
fn literals(source: &str) -> Vec<String> {
    let source = source.replace("'\"'", "");
    let mut found = Vec::new();
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '/' && characters.peek() == Some(&'/') {
            while characters.next().is_some_and(|character| character != '\n') {}
        }
        if character != '"' {
            continue;
        }
        let mut literal = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => match characters.next() {
                    Some('\n') => while characters.next_if(|next| next.is_whitespace()).is_some() {},
                    Some(escaped) => literal.push(escaped),
                    None => break,
                },
                character => literal.push(character),
            }
        }
        let whole = !literal.ends_with(' ') && !literal.contains('{');
        if whole && VERBS.iter().any(|verb| literal.starts_with(verb)) {
            found.push(literal);
        }
    }
    found
}
