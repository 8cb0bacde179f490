//! Reading a YAML mapping the way Synapse does (`yes` and `on` are booleans, `50M` is a size),
//! noting every mistake with its line instead of stopping at the first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use causeway_registration::Lines;
use serde_yaml::Value;

use super::environment::Overrides;
use super::mistake::{Mistake, Place};

/// The file being read; mistakes and warnings gather here.
pub struct Source<'a> {
    file: &'a Path,
    lines: Lines,
    overrides: Overrides,
    pub mistakes: RefCell<Vec<Mistake>>,
    pub warnings: RefCell<Vec<Mistake>>,
}

impl<'a> Source<'a> {
    pub fn new(file: &'a Path, text: &str, overrides: Overrides) -> Self {
        Self { file, lines: Lines::of(text), overrides, mistakes: RefCell::default(), warnings: RefCell::default() }
    }

    fn at(&self, path: &[String], text: impl std::fmt::Display) -> Mistake {
        let overridden = (1..=path.len()).find_map(|length| self.overrides.get(&path[..length]));
        let place = match overridden {
            Some(name) => Place::Environment(name.clone()),
            None => Place::File { path: self.file.to_owned(), line: Some(self.lines.line(path)) },
        };
        Mistake { place, text: format!("{}: {text}", path.join(".")) }
    }
}

/// One mapping of the file. Keys that nobody asked for are mistakes (see [`Section::finish`]).
pub struct Section<'a> {
    source: &'a Source<'a>,
    path: Vec<String>,
    value: Value,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Section<'a> {
    pub fn root(source: &'a Source<'a>, value: Value) -> Self {
        Self { source, path: Vec::new(), value, asked: RefCell::default() }
    }

    fn path_of(&self, key: &str) -> Vec<String> {
        self.path.iter().cloned().chain([key.to_owned()]).collect()
    }

    /// Notes a mistake at this key.
    pub fn mistake(&self, key: &str, text: impl std::fmt::Display) {
        self.source.mistakes.borrow_mut().push(self.source.at(&self.path_of(key), text));
    }

    pub fn warn(&self, key: &str, text: impl std::fmt::Display) {
        self.source.warnings.borrow_mut().push(self.source.at(&self.path_of(key), text));
    }

    /// Synapse's keys of this section.
    fn synapse_keys(&self) -> Vec<&'static str> {
        let prefix: String =
            self.path.iter().filter(|part| part.parse::<usize>().is_err()).map(|part| format!("{part}.")).collect();
        SYNAPSE_KEYS.lines().filter_map(|key| key.strip_prefix(&prefix)).filter(|key| !key.contains('.')).collect()
    }

    pub fn get(&self, key: &str) -> Option<Value> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.value.get(key).filter(|value| !value.is_null()).cloned()
    }

    /// All of this section, for one whose keys are data.
    pub fn keys(&self) -> Vec<String> {
        let Value::Mapping(mapping) = &self.value else { return Vec::new() };
        mapping.keys().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub fn section(&self, key: &str) -> Section<'a> {
        let value = self.get(key).unwrap_or(Value::Null);
        if !value.is_mapping() && !value.is_null() {
            self.mistake(key, "must be a mapping of keys to values");
        }
        Section { source: self.source, path: self.path_of(key), value, asked: RefCell::default() }
    }

    /// The mappings of a list.
    pub fn sections(&self, key: &str) -> Vec<Section<'a>> {
        let items = match self.get(key) {
            None => return Vec::new(),
            Some(Value::Sequence(items)) => items,
            Some(_) => {
                self.mistake(key, "must be a list; write one `- …` line for each entry");
                return Vec::new();
            }
        };
        items
            .into_iter()
            .enumerate()
            .map(|(number, value)| {
                let path: Vec<String> = self.path.iter().cloned().chain([key.to_owned(), number.to_string()]).collect();
                if !value.is_mapping() {
                    let text = "must be a mapping of keys to values";
                    self.source.mistakes.borrow_mut().push(self.source.at(&path, text));
                }
                Section { source: self.source, path, value, asked: RefCell::default() }
            })
            .filter(|section| section.value.is_mapping())
            .collect()
    }

    pub fn string(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.mistake(key, "must be text");
                None
            }
        }
    }

    pub fn strings(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one],
            Some(Value::Sequence(items)) => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::String(text) => Some(text),
                    Value::Number(number) => Some(number.to_string()),
                    _ => {
                        self.mistake(key, "every entry must be text");
                        None
                    }
                })
                .collect(),
            Some(_) => {
                self.mistake(key, "must be a list of texts");
                Vec::new()
            }
        }
    }

    pub fn bool(&self, key: &str, default: bool) -> bool {
        match self.get(key) {
            None => default,
            Some(Value::Bool(value)) => value,
            Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" => true,
                "no" | "off" | "false" => false,
                _ => {
                    self.mistake(key, format_args!("must be true or false, not {text:?}"));
                    default
                }
            },
            Some(_) => {
                self.mistake(key, "must be true or false");
                default
            }
        }
    }

    pub fn integer(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            Value::Number(number) if number.is_u64() => number.as_u64(),
            Value::String(text) if text.parse::<u64>().is_ok() => text.parse().ok(),
            _ => {
                self.mistake(key, "must be a whole number, not negative");
                None
            }
        }
    }

    pub fn number(&self, key: &str, default: f64) -> f64 {
        match self.get(key) {
            None => default,
            Some(value) => match value.as_f64().or_else(|| value.as_str()?.parse().ok()) {
                Some(number) if number.is_finite() && number >= 0.0 => number,
                _ => {
                    self.mistake(key, "must be a number, not negative");
                    default
                }
            },
        }
    }

    /// A mapping of any shape.
    pub fn json(&self, key: &str) -> serde_json::Map<String, serde_json::Value> {
        match self.get(key).map(serde_json::to_value) {
            None => serde_json::Map::new(),
            Some(Ok(serde_json::Value::Object(object))) => object,
            Some(_) => {
                self.mistake(key, "must be a mapping whose keys are texts");
                serde_json::Map::new()
            }
        }
    }

    /// Bytes as a number, or `500K`, `50M`, `1G`.
    pub fn size(&self, key: &str, default: u64) -> u64 {
        match self.get(key) {
            None => default,
            Some(value) => {
                parse_scaled(&value, &[("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)]).unwrap_or_else(|| {
                    self.mistake(key, "must be a size in bytes such as 1048576, 500K, 50M, 1G");
                    default
                })
            }
        }
    }

    /// Milliseconds, or with a unit as Synapse reads it.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        const UNITS: [(&str, u64); 6] = [
            ("s", 1_000),
            ("m", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
            ("w", 7 * 86_400_000),
            ("y", 365 * 86_400_000),
        ];
        let milliseconds = parse_scaled(&self.get(key)?, &UNITS);
        if milliseconds.is_none() {
            self.mistake(key, "must be a duration such as 500 (milliseconds), 30s, 12h, 4w");
        }
        milliseconds.map(Duration::from_millis)
    }

    /// As [`Section::finish`], where these keys are known but were not asked for on this path.
    pub fn finish_after(&self, known: &[&str]) {
        self.asked.borrow_mut().extend(known.iter().map(|key| (*key).to_owned()));
        self.finish();
    }

    /// Takes every further key with a warning: for sections whose keys are another program's.
    pub fn warn_rest(&self) {
        let Value::Mapping(mapping) = &self.value else { return };
        for name in mapping.keys().filter_map(Value::as_str) {
            if !self.asked.borrow().contains(name) {
                self.warn(name, "has no meaning here; it is ignored");
            }
        }
    }

    /// Complains about every key that was not asked for and is none of Synapse's.
    pub fn finish(&self) {
        let Value::Mapping(mapping) = &self.value else { return };
        let asked = self.asked.borrow();
        let accepted = self.synapse_keys();
        for key in mapping.keys() {
            let Some(name) = key.as_str() else {
                let key = serde_yaml::to_string(key).unwrap_or_default();
                self.mistake(key.trim(), "a key must be text; put it in quotes");
                continue;
            };
            if asked.contains(name) {
                continue;
            }
            if accepted.contains(&name) {
                let path = self.path_of(name).join(".");
                let why = WITHOUT_EFFECT.iter().find(|(key, _)| path.starts_with(key)).map(|(_, why)| *why);
                let why = why.unwrap_or("a key of Synapse's without a meaning here");
                self.warn(name, format_args!("{why}; it is ignored"));
                continue;
            }
            let nearest = asked
                .iter()
                .map(String::as_str)
                .chain(accepted.iter().copied())
                .min_by_key(|known| distance(name, known));
            match nearest {
                Some(known) if distance(name, known) <= 3 => {
                    self.mistake(name, format_args!("unknown key; did you mean {known:?}?"))
                }
                _ => self.mistake(name, "unknown key; remove it"),
            }
        }
    }
}

/// What an admin may rely on, and why it has no effect here; the beginnings of keys.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("oembed", "what pages themselves name is asked, and no list of providers"),
    ("federation_", "there is no federation yet, so no other server can connect"),
    ("rc_federation", "there is no federation yet, so no other server can connect"),
    ("rc_joins.remote", "there is no federation yet, so no other server can connect"),
    ("trusted_key_servers", "there is no federation yet, so no other server can connect"),
    ("media_retention", "media are not purged yet: all are kept"),
    ("rc_third_party_invite", "nobody is invited by e-mail address or telephone number"),
    ("rc_delayed_event_mgmt", "there are no delayed events yet"),
    ("email.enable_notifs", "no notifications are sent by e-mail yet"),
    ("email.notif_for_new_users", "no notifications are sent by e-mail yet"),
    ("email.notif_delay_before_mail", "no notifications are sent by e-mail yet"),
    ("account_threepid_delegates", "no text messages are sent"),
    ("user_consent.", "consent is asked for at registration only"),
    ("oidc_providers", "accounts log in by password, token and application service only"),
    ("saml2_config", "accounts log in by password, token and application service only"),
    ("cas_config", "accounts log in by password, token and application service only"),
    ("jwt_config", "accounts log in by password, token and application service only"),
    ("matrix_authentication_service", "accounts log in by password, token and application service only"),
    ("modules", "Synapse's modules are Python and do not run here"),
    ("redis", "one process does it all; there are no workers to connect"),
    ("instance_map", "one process does it all; there are no workers to connect"),
    ("stream_writers", "one process does it all; there are no workers to connect"),
    ("worker_", "one process does it all; there are no workers to connect"),
    ("log_config", "the log is set by causeway.log"),
];

/// Every key of Synapse's homeserver.yaml, nested ones dotted.
const SYNAPSE_KEYS: &str = include_str!("synapse_keys.txt");

fn parse_scaled(value: &Value, units: &[(&str, u64)]) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    let text = value.as_str()?.trim();
    let (digits, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor))).unwrap_or((text, 1));
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

/// Levenshtein distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
