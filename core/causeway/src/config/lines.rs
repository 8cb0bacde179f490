//! On which line of a YAML text each key and each entry of a list stands.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

/// Places by path; entries of lists by their number.
#[derive(Default)]
pub struct Lines(HashMap<Vec<String>, usize>);

/// A mapping or list that is being read.
enum Open {
    Mapping { key: Option<String> },
    List { next: usize },
}

impl Lines {
    /// Of a text that is YAML; of any other as far as it goes.
    pub fn of(text: &str) -> Self {
        let mut lines = Self::default();
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            match event {
                Event::MappingEnd | Event::SequenceEnd => {
                    open.pop();
                    value_ended(&mut open);
                }
                Event::Scalar(name, ..) if matches!(open.last(), Some(Open::Mapping { key: None })) => {
                    open.pop();
                    open.push(Open::Mapping { key: Some(name.into_owned()) });
                    lines.note(&open, span.start.line());
                }
                Event::Scalar(..) | Event::Alias(_) => {
                    lines.note_entry(&mut open, span.start.line());
                    value_ended(&mut open);
                }
                // A key that is no scalar: nothing of ours.
                Event::MappingStart(..) | Event::SequenceStart(..)
                    if matches!(open.last(), Some(Open::Mapping { key: None })) =>
                {
                    break;
                }
                Event::MappingStart(..) => {
                    lines.note_entry(&mut open, span.start.line());
                    open.push(Open::Mapping { key: None });
                }
                Event::SequenceStart(..) => {
                    lines.note_entry(&mut open, span.start.line());
                    open.push(Open::List { next: 0 });
                }
                _ => {}
            }
        }
        lines
    }

    /// The line (from 1) of the path, or of what would hold it.
    pub fn line(&self, path: &[String]) -> Option<usize> {
        (1..=path.len()).rev().find_map(|length| self.0.get(&path[..length])).copied()
    }

    fn note(&mut self, open: &[Open], line: usize) {
        let part = |open: &Open| match open {
            Open::Mapping { key } => key.clone().unwrap_or_default(),
            Open::List { next } => next.saturating_sub(1).to_string(),
        };
        self.0.entry(open.iter().map(part).collect()).or_insert(line);
    }

    fn note_entry(&mut self, open: &mut [Open], line: usize) {
        if let Some(Open::List { next }) = open.last_mut() {
            *next += 1;
            self.note(open, line);
        }
    }
}

/// The next scalar of a mapping is a key again.
fn value_ended(open: &mut [Open]) {
    if let Some(Open::Mapping { key }) = open.last_mut() {
        *key = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, path: &str) -> Option<usize> {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        Lines::of(text).line(&path)
    }

    const TEXT: &str = "# port: 1\nlisteners:\n- port: 1\n  tls: no\n- {type: http,\n   \"port\": 2}\nport: 3\ndatabase:\n    args:\n        port: 4\nlist: [a,\n  b]\n";

    #[test]
    fn keys_are_found_under_their_own_path() {
        assert_eq!(line(TEXT, "listeners.0.port"), Some(3));
        assert_eq!(line(TEXT, "listeners.1.port"), Some(6));
        assert_eq!(line(TEXT, "port"), Some(7));
        assert_eq!(line(TEXT, "database.args.port"), Some(10));
        assert_eq!(line(TEXT, "list.1"), Some(12));
    }

    #[test]
    fn a_missing_key_is_where_it_would_stand() {
        assert_eq!(line(TEXT, "listeners.1.tls"), Some(5));
        assert_eq!(line(TEXT, "database.name"), Some(8));
        assert_eq!(line(TEXT, "server_name"), None);
    }
}
