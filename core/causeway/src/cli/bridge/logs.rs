use std::time::Duration;

use serde_json::Value;

use super::{BASE, Client, table, text};

/// The last lines, and with `follow` what comes after them.
pub async fn run(client: &Client, id: &str, follow: bool) -> anyhow::Result<()> {
    let path = format!("{}?lines=1000", table::path(BASE, &[id, "logs"])?);
    let mut shown: Vec<String> = Vec::new();
    loop {
        let answer = client.get(&path).await?;
        let lines: Vec<String> =
            answer["lines"].as_array().into_iter().flatten().map(Value::clone).map(|l| text(&l)).collect();
        for line in &lines[news(&shown, &lines)..] {
            println!("{line}");
        }
        if !follow {
            return Ok(());
        }
        shown = lines;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Where in `now` begins what was not in `before`: the log is a window that moves on.
fn news(before: &[String], now: &[String]) -> usize {
    let longest = before.len().min(now.len());
    (0..=longest).rev().find(|length| before[before.len() - length..] == now[..*length]).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::news;

    #[test]
    fn only_new_lines_are_shown_when_the_window_moves() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert_eq!(news(&lines(""), &lines("abc")), 0);
        assert_eq!(news(&lines("abc"), &lines("abc")), 3);
        assert_eq!(news(&lines("abc"), &lines("bcd")), 2);
        assert_eq!(news(&lines("abc"), &lines("xyz")), 0);
    }
}
