//! Capability negotiation (IRCv3 CAP 302): ask for what is of use and on offer, nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What the connector can make use of.
const WANTED: &[&str] = &[
    "account-notify",
    "account-tag",
    "away-notify",
    "batch",
    "cap-notify",
    "chghost",
    "draft/message-redaction",
    "echo-message",
    "extended-join",
    "extended-monitor",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "sasl",
    "server-time",
    "setname",
    "standard-replies",
    "userhost-in-names",
];

/// A CAP REQ line is kept well below 512 bytes.
const REQUEST_BYTES: usize = 400;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    offered: BTreeMap<String, String>,
    enabled: BTreeSet<String>,
    /// CAP REQ lines without an answer yet
    asked: BTreeSet<String>,
}

impl Caps {
    pub fn has(&self, name: &str) -> bool {
        self.enabled.contains(name)
    }

    /// The value behind an offered capability, such as the mechanisms of `sasl`.
    pub fn offer(&self, name: &str) -> Option<&str> {
        self.offered.get(name).map(String::as_str)
    }

    /// Whether every request is answered.
    pub fn is_settled(&self) -> bool {
        self.asked.is_empty()
    }

    /// One line of CAP LS or NEW.
    pub fn offered(&mut self, list: &str) {
        for cap in list.split_ascii_whitespace() {
            let (name, value) = cap.split_once('=').unwrap_or((cap, ""));
            self.offered.insert(name.to_owned(), value.to_owned());
        }
    }

    /// CAP DEL.
    pub fn withdrawn(&mut self, list: &str) {
        for name in list.split_ascii_whitespace() {
            self.offered.remove(name);
            self.enabled.remove(name);
        }
    }

    /// The lists to ask for: what is wanted, offered, not on yet and not asked already.
    pub fn requests(&mut self) -> Vec<String> {
        let mut lists: Vec<String> = Vec::new();
        let asked: BTreeSet<&str> = self.asked.iter().flat_map(|list| list.split(' ')).collect();
        for name in WANTED {
            if !self.offered.contains_key(*name) || self.enabled.contains(*name) || asked.contains(name) {
                continue;
            }
            match lists.last_mut() {
                Some(list) if list.len() + 1 + name.len() <= REQUEST_BYTES => {
                    list.push(' ');
                    list.push_str(name);
                }
                _ => lists.push((*name).to_owned()),
            }
        }
        self.asked.extend(lists.iter().cloned());
        lists
    }

    pub fn acknowledged(&mut self, list: &str) {
        self.asked.remove(list.trim());
        for name in list.split_ascii_whitespace() {
            match name.strip_prefix('-') {
                Some(off) => _ = self.enabled.remove(off),
                None => _ = self.enabled.insert(name.to_owned()),
            }
            self.asked.remove(name);
        }
    }

    /// A refused request enables nothing; its parts are asked for again one by one. Answers those requests.
    pub fn refused(&mut self, list: &str) -> Vec<String> {
        let list = list.trim();
        self.asked.remove(list);
        let names: Vec<String> = list.split_ascii_whitespace().map(str::to_owned).collect();
        if names.len() < 2 {
            for name in &names {
                self.offered.remove(name);
            }
            return Vec::new();
        }
        self.asked.extend(names.iter().cloned());
        names
    }

    /// The server knows no CAP at all.
    pub fn unknown(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_offered_is_asked_for_and_only_once() {
        let mut caps = Caps::default();
        caps.offered("multi-prefix sasl=PLAIN,EXTERNAL");
        caps.offered("tls draft/unknown server-time");
        assert_eq!(caps.requests(), ["multi-prefix sasl server-time"]);
        assert!(caps.requests().is_empty() && !caps.is_settled());
        caps.acknowledged("multi-prefix sasl server-time ");
        assert!(caps.is_settled() && caps.has("server-time"));
        assert_eq!(caps.offer("sasl"), Some("PLAIN,EXTERNAL"));
    }

    #[test]
    fn a_refused_list_is_asked_for_one_by_one() {
        let mut caps = Caps::default();
        caps.offered("batch setname");
        caps.requests();
        assert_eq!(caps.refused("batch setname"), ["batch", "setname"]);
        caps.acknowledged("batch");
        assert!(caps.refused("setname").is_empty());
        assert!(caps.is_settled() && caps.has("batch") && !caps.has("setname"));
        assert!(caps.requests().is_empty());
    }

    #[test]
    fn notified_capabilities_come_and_go() {
        let mut caps = Caps::default();
        caps.offered("cap-notify");
        caps.requests();
        caps.acknowledged("cap-notify");
        caps.offered("sasl=PLAIN");
        assert_eq!(caps.requests(), ["sasl"]);
        caps.acknowledged("sasl");
        caps.withdrawn("sasl");
        assert!(!caps.has("sasl") && caps.offer("sasl").is_none());
    }
}
