//! A registration: the Matrix specification's keys
//! ([application-service API](https://spec.matrix.org/v1.16/application-service-api/#registration)), those that bridges
//! really write, and whatever else the file says.

use serde_yaml::{Mapping, Value};

use crate::check::{Mistake, Mistakes};
use crate::lines::Lines;
use crate::namespace::{Kind, Namespace, NamespaceSet, Namespaces};
use crate::token::Token;

const EPHEMERAL: &str = "receive_ephemeral";
const EPHEMERAL_UNSTABLE: &str = "de.sorunome.msc2409.push_ephemeral";
const EPHEMERAL_MSC: &str = "org.matrix.msc2409.push_ephemeral";
const ENCRYPTION: &str = "org.matrix.msc3202";
const DEVICE_MANAGEMENT: &str = "io.element.msc4190";
const LEGACY_AUTHORIZATION: &str = "io.causeway.legacy_authorization";
const LANES: &str = "io.causeway.lanes";
const PLUGIN: &str = "io.causeway.plugin";
/// Transactions at the same time, at most.
const MOST_LANES: u64 = 64;

/// An application service as its registration describes it.
#[derive(Clone)]
pub struct Registration {
    pub id: String,
    /// Where transactions go, without a `/` at the end; `http`, `https` or `unix`. None takes none.
    pub url: Option<String>,
    pub as_token: Token,
    pub hs_token: Token,
    pub sender_localpart: String,
    pub namespaces: Namespaces,
    /// whether requests as its users are rate-limited; those of the sender never are
    pub rate_limited: bool,
    /// `receive_ephemeral`: ephemeral events under their stable name
    pub ephemeral: bool,
    /// `de.sorunome.msc2409.push_ephemeral`: ephemeral events under their unstable name
    pub ephemeral_unstable: bool,
    /// `org.matrix.msc3202`: device lists, one-time-key counts and to-device messages of its users
    pub encryption: bool,
    /// `io.element.msc4190`: devices are made by PUT, never by login
    pub device_management: bool,
    /// `io.causeway.legacy_authorization`: whether this server's token goes into the query of its requests too, as
    /// before version 1.4 of the specification; none: as the configuration says
    pub legacy_authorization: Option<bool>,
    /// `io.causeway.lanes`: so many rooms get their transactions side by side; 1: one transaction after the other
    pub lanes: usize,
    /// third-party networks it answers look-ups for
    pub protocols: Vec<String>,
    /// the component that runs as this appservice inside the hub
    pub plugin: Option<Plugin>,
    /// the file as it was given, unknown keys included
    document: Mapping,
}

/// A bridge that runs as a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    pub file: String,
    pub sha256: String,
}

impl Registration {
    /// Reads a file: YAML, of which JSON is a part.
    ///
    /// # Errors
    /// Every mistake of the file at once.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let mut document: Value =
            serde_yaml::from_str(text).map_err(|error| Mistakes(vec![Mistake::not_yaml(text, &error)]))?;
        // `<<: *anchor`
        document.apply_merge().map_err(|error| Mistakes(vec![Mistake::not_yaml(text, &error)]))?;
        let Value::Mapping(document) = document else {
            return Err(Mistakes(vec![Mistake {
                line: Some(1),
                text: "not a registration: it must be a mapping that begins with `id:`".to_owned(),
            }]));
        };
        Reader { lines: Lines::of(text), document: &document, mistakes: Vec::new() }.read()
    }

    /// The file again, as it was given: what `export` writes.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(&self.document).expect("what was read from YAML can be written as YAML")
    }

    /// The keys of the file that this server gives no meaning to.
    pub fn unknown_keys(&self) -> impl Iterator<Item = &str> {
        const KNOWN: [&str; 16] = [
            "id",
            "url",
            "as_token",
            "hs_token",
            "sender_localpart",
            "namespaces",
            "rate_limited",
            "protocols",
            EPHEMERAL,
            EPHEMERAL_UNSTABLE,
            EPHEMERAL_MSC,
            ENCRYPTION,
            DEVICE_MANAGEMENT,
            LEGACY_AUTHORIZATION,
            LANES,
            PLUGIN,
        ];
        self.document.keys().filter_map(Value::as_str).filter(|key| !KNOWN.contains(key))
    }

    /// The same registration with new tokens.
    pub fn rotated(&self, as_token: &str, hs_token: &str) -> Self {
        let mut rotated = self.clone();
        rotated.as_token = Token::new(as_token);
        rotated.hs_token = Token::new(hs_token);
        rotated.document.insert("as_token".into(), as_token.into());
        rotated.document.insert("hs_token".into(), hs_token.into());
        rotated
    }

    /// The same registration with another component.
    pub fn run_by(&self, plugin: &Plugin) -> Self {
        let mut renewed = self.clone();
        let pinned = [("file", &plugin.file), ("sha256", &plugin.sha256)];
        let pinned: Mapping = pinned.into_iter().map(|(key, value)| (key.into(), value.as_str().into())).collect();
        renewed.document.insert(PLUGIN.into(), Value::Mapping(pinned));
        renewed.plugin = Some(plugin.clone());
        renewed
    }

    /// The keys of the file that are not as in another one's, those it does not have included.
    pub fn changed_keys(&self, before: &Self) -> Vec<String> {
        let (now, before) = (&self.document, &before.document);
        let keys = now.keys().chain(before.keys().filter(|key| !now.contains_key(key)));
        keys.filter(|key| now.get(key) != before.get(key)).filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The user that the appservice acts as when it names none.
    pub fn sender(&self, server_name: &str) -> String {
        format!("@{}:{server_name}", self.sender_localpart)
    }

    /// Whether this user is the appservice's: its sender, or anybody in its namespace, of this server. It may act as
    /// them, and wants what they see.
    pub fn may_act_as(&self, user_id: &str, server_name: &str) -> bool {
        let of_this_server = user_id.split_once(':').is_some_and(|(_, server)| server == server_name);
        of_this_server && (self.is_sender(user_id, server_name) || self.namespaces.users.matches(user_id))
    }

    fn is_sender(&self, user_id: &str, server_name: &str) -> bool {
        user_id
            .strip_prefix('@')
            .and_then(|rest| rest.strip_prefix(self.sender_localpart.as_str()))
            .and_then(|rest| rest.strip_prefix(':'))
            == Some(server_name)
    }

    pub fn wants_ephemeral(&self) -> bool {
        self.ephemeral || self.ephemeral_unstable
    }
}

impl PartialEq for Registration {
    /// Equal when their files say the same.
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

/// Reads one document and gathers its mistakes.
struct Reader<'a> {
    lines: Lines,
    document: &'a Mapping,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Registration, Mistakes> {
        let id = self.string("id", "name the appservice: `id: my-bridge`");
        let as_token = self.string("as_token", "a long random text that the appservice sends");
        let hs_token = self.string("hs_token", "a long random text that this server sends");
        if !as_token.is_empty() && as_token == hs_token {
            self.mistake("hs_token", "hs_token is the same as as_token; make another one".to_owned());
        }
        let sender_localpart = self.sender_localpart();
        let url = self.url();
        let namespaces = self.namespaces();
        let rate_limited = self.flag("rate_limited").unwrap_or(true);
        let ephemeral = self.flag(EPHEMERAL).unwrap_or(false);
        let ephemeral_unstable =
            self.flag(EPHEMERAL_UNSTABLE).unwrap_or(false) | self.flag(EPHEMERAL_MSC).unwrap_or(false);
        let encryption = self.flag(ENCRYPTION).unwrap_or(false);
        let device_management = self.flag(DEVICE_MANAGEMENT).unwrap_or(false);
        let legacy_authorization = self.flag(LEGACY_AUTHORIZATION);
        let lanes = self.lanes();
        let protocols = self.protocols();
        let plugin = self.plugin();
        if !self.mistakes.is_empty() {
            return Err(Mistakes(self.mistakes));
        }
        Ok(Registration {
            id,
            url,
            as_token: Token::new(&as_token),
            hs_token: Token::new(&hs_token),
            sender_localpart,
            namespaces,
            rate_limited,
            ephemeral,
            ephemeral_unstable,
            encryption,
            device_management,
            legacy_authorization,
            lanes,
            protocols,
            plugin,
            document: self.document.clone(),
        })
    }

    fn mistake(&mut self, key: &str, text: String) {
        self.mistake_at(&[key], text);
    }

    fn mistake_at(&mut self, path: &[&str], text: String) {
        self.mistakes.push(Mistake { line: Some(self.lines.line(path)), text });
    }

    /// A text that must be there; empty after a mistake.
    fn string(&mut self, key: &str, meaning: &str) -> String {
        match self.document.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => return text.clone(),
            Some(Value::String(_)) => self.mistake(key, format!("{key} is empty; write {meaning}")),
            Some(Value::Null) | None => self.mistake(key, format!("{key} is missing; add {meaning}")),
            Some(Value::Number(_) | Value::Bool(_)) => {
                self.mistake(key, format!("{key} is not a text; put it in quotes"));
            }
            Some(_) => self.mistake(key, format!("{key} must be a text; write one in quotes")),
        }
        String::new()
    }

    fn sender_localpart(&mut self) -> String {
        let key = "sender_localpart";
        let localpart = self.string(key, "the part between `@` and `:` of the bot's user id");
        if localpart.starts_with('@') || localpart.contains(':') {
            self.mistake(
                key,
                format!("{key} {localpart:?} is a whole user id; write only the part between `@` and `:`"),
            );
        } else if localpart.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            self.mistake(key, format!("{key} {localpart:?} is no localpart; use `a-z`, `0-9` and `._=-/+`"));
        }
        localpart
    }

    fn url(&mut self) -> Option<String> {
        let text = match self.document.get("url") {
            Some(Value::Null) => return None,
            Some(Value::String(text)) if text.is_empty() => return None,
            Some(Value::String(text)) => text,
            Some(_) => {
                self.mistake("url", "url must be a text such as `http://localhost:9000`, or null".to_owned());
                return None;
            }
            None => {
                self.mistake("url", "url is missing; add where transactions go, or `url: null` for none".to_owned());
                return None;
            }
        };
        match url::Url::parse(text) {
            Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => {}
            Ok(url) if url.scheme() == "unix" && url.path().len() > 1 => {}
            Ok(url) if url.scheme() == "localhost" => {
                self.mistake("url", format!("url {text:?} has no scheme; write `http://{text}`"));
            }
            Err(_) if text == "websocket" => {
                self.mistake(
                    "url",
                    "url \"websocket\" is for Beeper's own server; write `url: http://host:port`".to_owned(),
                );
            }
            Ok(_) => self.mistake(
                "url",
                format!("url {text:?} must begin with http://, https:// or unix:///; write `http://host:port`"),
            ),
            Err(error) => self.mistake("url", format!("url {text:?} is no URL ({error}); write `http://host:port`")),
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    /// `true`, `false`, and YAML 1.1's `yes`, `no`, `on`, `off`, which other servers take.
    fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.document.get(key)?;
        let flag = as_flag(value);
        if flag.is_none() && !value.is_null() {
            self.mistake(key, format!("{key} must be true or false; write one of them"));
        }
        flag
    }

    fn lanes(&mut self) -> usize {
        match self.document.get(LANES) {
            None | Some(Value::Null) => 1,
            Some(value) => match value.as_u64().filter(|lanes| (1..=MOST_LANES).contains(lanes)) {
                Some(lanes) => lanes as usize,
                None => {
                    self.mistake(LANES, format!("{LANES} must be a number from 1 to {MOST_LANES}"));
                    1
                }
            },
        }
    }

    fn protocols(&mut self) -> Vec<String> {
        match self.document.get("protocols") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Sequence(list)) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(_) => {
                self.mistake("protocols", "protocols must be a list of texts, `[irc]`".to_owned());
                Vec::new()
            }
        }
    }

    fn plugin(&mut self) -> Option<Plugin> {
        let value = self.document.get(PLUGIN)?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("file"), text("sha256")) {
            (Some(file), Some(sha256)) => return Some(Plugin { file, sha256 }),
            _ if value.is_null() => {}
            _ => self.mistake(PLUGIN, format!("{PLUGIN} needs `file` and `sha256`; write both below it")),
        }
        None
    }

    fn namespaces(&mut self) -> Namespaces {
        let mut namespaces = Namespaces::default();
        let document = self.document;
        let mapping = match document.get("namespaces") {
            Some(Value::Mapping(mapping)) => mapping,
            Some(Value::Null) => return namespaces,
            Some(_) => {
                self.mistake(
                    "namespaces",
                    "namespaces must be a mapping; write the keys `users`, `aliases` and `rooms` below it".to_owned(),
                );
                return namespaces;
            }
            None => {
                self.mistake("namespaces", "namespaces is missing; add `namespaces: {}` at least".to_owned());
                return namespaces;
            }
        };
        for (key, value) in mapping {
            let key = key.as_str().unwrap_or_default();
            match Kind::ALL.into_iter().find(|kind| kind.as_str() == key) {
                Some(Kind::Users) => namespaces.users = self.namespace_set(Kind::Users, value),
                Some(Kind::Aliases) => namespaces.aliases = self.namespace_set(Kind::Aliases, value),
                Some(Kind::Rooms) => namespaces.rooms = self.namespace_set(Kind::Rooms, value),
                None => self.mistake_at(
                    &["namespaces", key],
                    format!("unknown namespace {key:?}; there are `users`, `aliases` and `rooms`"),
                ),
            }
        }
        namespaces
    }

    fn namespace_set(&mut self, kind: Kind, value: &Value) -> NamespaceSet {
        let items = match value {
            Value::Null => return NamespaceSet::default(),
            Value::Sequence(items) => items,
            _ => {
                let text = format!("{kind} must be a list of `- regex: …`");
                self.mistake_at(&["namespaces", kind.as_str()], text);
                return NamespaceSet::default();
            }
        };
        let mistakes_before = self.mistakes.len();
        let mut list = Vec::with_capacity(items.len());
        for (number, item) in items.iter().enumerate() {
            list.extend(self.namespace(kind, number, item));
        }
        if self.mistakes.len() > mistakes_before {
            return NamespaceSet::default();
        }
        NamespaceSet::new(list).unwrap_or_else(|(number, error)| {
            let regex = items[number].get("regex").and_then(Value::as_str).unwrap_or_default();
            let text = format!("{kind} namespace {regex:?}: {error}");
            self.mistake_at(&["namespaces", kind.as_str(), &number.to_string(), "regex"], text);
            NamespaceSet::default()
        })
    }

    fn namespace(&mut self, kind: Kind, number: usize, item: &Value) -> Option<Namespace> {
        let number = number.to_string();
        let place = ["namespaces", kind.as_str(), &number];
        let [a, b, c] = place;
        let Some(regex) = item.get("regex") else {
            self.mistake_at(&place, format!("an item of {kind} has no `regex`; write `- regex: …` and `exclusive: …`"));
            return None;
        };
        let Some(regex) = regex.as_str().filter(|regex| !regex.is_empty()) else {
            self.mistake_at(&[a, b, c, "regex"], format!("regex of {kind} must be a text; put it in quotes"));
            return None;
        };
        let Some(exclusive) = item.get("exclusive").and_then(as_flag) else {
            let text = format!("{kind} namespace {regex:?}: add `exclusive: true` or `exclusive: false`");
            self.mistake_at(&[a, b, c, "exclusive"], text);
            return None;
        };
        Some(Namespace { regex: regex.to_owned(), exclusive })
    }
}

fn as_flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "true" => Some(true),
            "no" | "off" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
