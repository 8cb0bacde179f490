//! What the server says of itself in numeric 005.

use serde::{Deserialize, Serialize};

use crate::casemap::CaseMapping;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isupport {
    pub casemapping: CaseMapping,
    pub chantypes: String,
    /// channel membership modes with their signs, highest first: `[('o', '@'), ('v', '+')]`
    pub prefix: Vec<(char, char)>,
    /// CHANMODES: lists, always with a parameter, with one when set, never with one
    pub chanmodes: [String; 4],
    pub nicklen: usize,
    pub topiclen: usize,
    /// bytes of a line with CRLF and source, without tags
    pub linelen: usize,
    /// signs that may stand before a channel to reach only its operators, voices, …
    pub statusmsg: String,
    /// how many names MONITOR takes; `None` where there is no MONITOR
    pub monitor: Option<u32>,
    pub network: Option<String>,
    /// client tags that the server drops (`*`, `*,-typing`, `draft/react`)
    pub client_tag_deny: String,
}

impl Default for Isupport {
    /// What may be assumed of a server that does not say (RFC 1459 and 2812).
    fn default() -> Self {
        Self {
            casemapping: CaseMapping::default(),
            chantypes: "#&".to_owned(),
            prefix: vec![('o', '@'), ('v', '+')],
            chanmodes: ["b".to_owned(), "k".to_owned(), "l".to_owned(), "imnpst".to_owned()],
            nicklen: 9,
            topiclen: 0,
            linelen: 512,
            statusmsg: String::new(),
            monitor: None,
            network: None,
            client_tag_deny: String::new(),
        }
    }
}

impl Isupport {
    /// Takes the tokens of one 005 line: its parameters without the nick and the closing remark.
    pub fn apply<'a>(&mut self, tokens: impl Iterator<Item = &'a str>) {
        for token in tokens {
            let default = Self::default();
            if let Some(name) = token.strip_prefix('-') {
                match name {
                    "MONITOR" => self.monitor = None,
                    "STATUSMSG" => self.statusmsg = default.statusmsg,
                    "CLIENTTAGDENY" => self.client_tag_deny = default.client_tag_deny,
                    _ => {}
                }
                continue;
            }
            let (name, value) = token.split_once('=').unwrap_or((token, ""));
            let value = unescape(value);
            match name {
                "CASEMAPPING" => self.casemapping = CaseMapping::named(&value),
                "CHANTYPES" => self.chantypes = value,
                "PREFIX" => self.prefix = parse_prefix(&value),
                "CHANMODES" => {
                    let mut groups = value.split(',').map(str::to_owned);
                    self.chanmodes = std::array::from_fn(|_| groups.next().unwrap_or_default());
                }
                "NICKLEN" => self.nicklen = value.parse().unwrap_or(default.nicklen),
                "TOPICLEN" => self.topiclen = value.parse().unwrap_or(0),
                "LINELEN" => self.linelen = value.parse().unwrap_or(512).max(512),
                "STATUSMSG" => self.statusmsg = value,
                "MONITOR" => self.monitor = Some(value.parse().unwrap_or(100)),
                "NETWORK" => self.network = Some(value),
                "CLIENTTAGDENY" => self.client_tag_deny = value,
                _ => {}
            }
        }
    }

    pub fn fold(&self, name: &str) -> String {
        self.casemapping.fold(name)
    }

    pub fn is_channel(&self, name: &str) -> bool {
        name.chars().next().is_some_and(|c| self.chantypes.contains(c))
    }

    /// Parts `@#channel` into its sign and the channel; other targets have no sign.
    pub fn split_status<'a>(&self, target: &'a str) -> (Option<char>, &'a str) {
        match target.chars().next() {
            Some(sign) if self.statusmsg.contains(sign) && self.is_channel(&target[sign.len_utf8()..]) => {
                (Some(sign), &target[sign.len_utf8()..])
            }
            _ => (None, target),
        }
    }

    /// Parts `@+nick` of NAMES into membership modes (`ov`) and the rest.
    pub fn split_prefix<'a>(&self, name: &'a str) -> (String, &'a str) {
        let mut modes = String::new();
        let mut rest = name;
        while let Some(sign) = rest.chars().next() {
            let Some((mode, _)) = self.prefix.iter().find(|(_, s)| *s == sign) else { break };
            modes.push(*mode);
            rest = &rest[sign.len_utf8()..];
        }
        (modes, rest)
    }

    /// Whether the server passes this client tag (named without `+`) on.
    pub fn passes_client_tag(&self, tag: &str) -> bool {
        let mut passes = true;
        for rule in self.client_tag_deny.split(',') {
            match rule.strip_prefix('-') {
                Some(excepted) if excepted == tag => return true,
                None if rule == "*" || rule == tag => passes = false,
                _ => {}
            }
        }
        passes
    }
}

fn parse_prefix(value: &str) -> Vec<(char, char)> {
    let Some((modes, signs)) = value.strip_prefix('(').and_then(|rest| rest.split_once(')')) else { return Vec::new() };
    modes.chars().zip(signs.chars()).collect()
}

/// `\x20` stands for a byte that can't be in a token.
fn unescape(value: &str) -> String {
    let mut parts = value.split("\\x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if byte.is_ascii() => {
                out.push(char::from(byte));
                out.push_str(&part[2..]);
            }
            _ => {
                out.push_str("\\x");
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tokens: &str) -> Isupport {
        let mut isupport = Isupport::default();
        isupport.apply(tokens.split(' '));
        isupport
    }

    #[test]
    fn tokens_are_taken_and_taken_back() {
        let mut i = of(
            "CASEMAPPING=ascii PREFIX=(qaohv)~&@%+ STATUSMSG=@+ CHANTYPES=#! MONITOR=30 NETWORK=My\\x20Net NICKLEN=30 LINELEN=1024",
        );
        assert_eq!(i.casemapping, CaseMapping::Ascii);
        assert_eq!(i.prefix.first(), Some(&('q', '~')));
        assert_eq!((i.monitor, i.nicklen, i.linelen), (Some(30), 30, 1024));
        assert_eq!(i.network.as_deref(), Some("My Net"));
        assert!(i.is_channel("!x") && !i.is_channel("&x"));
        i.apply(["-MONITOR"].into_iter());
        assert_eq!(i.monitor, None);
    }

    #[test]
    fn statusmsg_targets_are_parted_only_before_channels() {
        let i = of("STATUSMSG=@+");
        assert_eq!(i.split_status("@#c"), (Some('@'), "#c"));
        assert_eq!(i.split_status("@nick"), (None, "@nick"));
        assert_eq!(i.split_status("%#c"), (None, "%#c"));
    }

    #[test]
    fn multi_prefix_names_are_parted() {
        assert_eq!(of("PREFIX=(ov)@+").split_prefix("@+nick!u@h"), ("ov".to_owned(), "nick!u@h"));
    }

    #[test]
    fn denied_client_tags_may_have_exceptions() {
        let i = of("CLIENTTAGDENY=*,-draft/react");
        assert!(i.passes_client_tag("draft/react") && !i.passes_client_tag("typing"));
        assert!(of("CLIENTTAGDENY=typing").passes_client_tag("draft/react"));
        assert!(Isupport::default().passes_client_tag("typing"));
    }
}
