//! On which line of a YAML text each key and each entry of a list stands.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use saphyr_parser::{Event, Parser};

/// Places by path; entries of lists by their number.
#[derive(Default)]
pub struct Lines {
    by_path: HashMap<Vec<String>, usize>,
    repeated: Option<(String, usize)>,
}

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

    /// The line (from 1) of the path, or of what would hold it; the first line for what the whole text would hold.
    pub fn line<P: AsRef<str>>(&self, path: &[P]) -> usize {
        let path: Vec<String> = path.iter().map(|part| part.as_ref().to_owned()).collect();
        (1..=path.len()).rev().find_map(|length| self.by_path.get(&path[..length])).copied().unwrap_or(1)
    }

    /// The first key that stands twice in one mapping, and where it does so again.
    pub fn repeated(&self) -> Option<(&str, usize)> {
        self.repeated.as_ref().map(|(key, line)| (key.as_str(), *line))
    }

    fn note(&mut self, open: &[Open], line: usize) {
        let part = |open: &Open| match open {
            Open::Mapping { key } => key.clone().unwrap_or_default(),
            Open::List { next } => next.saturating_sub(1).to_string(),
        };
        let path: Vec<String> = open.iter().map(part).collect();
        match self.by_path.entry(path) {
            Entry::Vacant(place) => {
                place.insert(line);
            }
            Entry::Occupied(place) => {
                let key = place.key().last().cloned().unwrap_or_default();
                // `<<` may stand more than once.
                if self.repeated.is_none() && key != "<<" {
                    self.repeated = Some((key, line));
                }
            }
        }
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

    fn line(text: &str, path: &str) -> usize {
        Lines::of(text).line(&path.split('.').collect::<Vec<_>>())
    }

    const TEXT: &str = "# port: 1\nlisteners:\n- port: 1\n  tls: no\n- {type: http,\n   \"port\": 2}\nport: 3\ndatabase:\n    args:\n        port: 4\nlist: [a,\n  b]\n";

    #[test]
    fn keys_are_found_under_their_own_path() {
        assert_eq!(line(TEXT, "listeners.0.port"), 3);
        assert_eq!(line(TEXT, "listeners.1.port"), 6);
        assert_eq!(line(TEXT, "port"), 7);
        assert_eq!(line(TEXT, "database.args.port"), 10);
        assert_eq!(line(TEXT, "list.1"), 12);
    }

    #[test]
    fn a_missing_key_is_where_it_would_stand() {
        assert_eq!(line(TEXT, "listeners.1.tls"), 5);
        assert_eq!(line(TEXT, "database.name"), 8);
        assert_eq!(line(TEXT, "server_name"), 1);
    }
    #[test]
    fn a_key_that_stands_twice_is_found_within_its_own_mapping_only() {
        assert_eq!(Lines::of(TEXT).repeated(), None);
        assert_eq!(Lines::of("a:\n  id: 1\nb:\n  id: 2\n  x: 3\n  id: 4\n").repeated(), Some(("id", 6)));
    }
}
