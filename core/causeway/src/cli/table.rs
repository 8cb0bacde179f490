//! How commands print what the admin API answers: columns, times, and paths with ids in them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::Value;

/// Columns as wide as their widest cell.
pub fn print(head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

/// A value as one cell; null is `-`.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Milliseconds since the Unix epoch as the time that has passed since.
pub fn ago(value: &Value) -> String {
    let Some(then) = value.as_u64() else { return "-".to_owned() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    let seconds = now.saturating_sub(then) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The same with `ago` behind it.
pub fn at(value: &Value) -> String {
    if value.is_null() { "never".to_owned() } else { format!("{} ago", ago(value)) }
}

/// `base` with further segments, escaped.
pub fn path(base: &str, segments: &[&str]) -> anyhow::Result<String> {
    let mut url = url::Url::parse("http://localhost").context("a base for paths")?;
    url.set_path(base);
    url.path_segments_mut().ok().context("http URLs have paths")?.extend(segments);
    Ok(url.path().to_owned())
}
