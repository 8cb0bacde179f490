//! One line of the protocol: `[@tags ][:source ]COMMAND params[ :trailing]`.

use std::fmt;

/// Who a line is from: a user (`nick!user@host`) or a server (the name alone).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub nick: String,
    pub user: Option<String>,
    pub host: Option<String>,
}

impl Source {
    pub fn parse(text: &str) -> Self {
        let (rest, host) = match text.split_once('@') {
            Some((rest, host)) => (rest, Some(host.to_owned())),
            None => (text, None),
        };
        let (nick, user) = match rest.split_once('!') {
            Some((nick, user)) => (nick, Some(user.to_owned())),
            None => (rest, None),
        };
        Self { nick: nick.to_owned(), user, host }
    }

    /// Server names hold a dot, which no nick may.
    pub fn is_server(&self) -> bool {
        self.user.is_none() && self.nick.contains('.')
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub tags: Vec<(String, String)>,
    pub source: Option<Source>,
    /// upper case, or three digits
    pub command: String,
    pub params: Vec<String>,
}

impl Message {
    pub fn new(command: &str, params: &[&str]) -> Self {
        Self {
            command: command.to_owned(),
            params: params.iter().map(|p| (*p).to_owned()).collect(),
            ..Self::default()
        }
    }

    pub fn with_tag(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// `None` for a line without a command.
    pub fn parse(line: &str) -> Option<Self> {
        let mut rest = line.trim_end_matches(['\r', '\n']).trim_start_matches(' ');
        let mut message = Self::default();
        if let Some(tagged) = rest.strip_prefix('@') {
            let (tags, after) = tagged.split_once(' ')?;
            message.tags = tags.split(';').filter(|t| !t.is_empty()).map(parse_tag).collect();
            rest = after.trim_start_matches(' ');
        }
        if let Some(sourced) = rest.strip_prefix(':') {
            let (source, after) = sourced.split_once(' ')?;
            message.source = Some(Source::parse(source));
            rest = after.trim_start_matches(' ');
        }
        let (command, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if command.is_empty() {
            return None;
        }
        message.command = command.to_ascii_uppercase();
        loop {
            rest = rest.trim_start_matches(' ');
            if rest.is_empty() {
                break;
            }
            if let Some(trailing) = rest.strip_prefix(':') {
                message.params.push(trailing.to_owned());
                break;
            }
            let (param, after) = rest.split_once(' ').unwrap_or((rest, ""));
            message.params.push(param.to_owned());
            rest = after;
        }
        Some(message)
    }

    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// The parameter at `index`, empty where there is none.
    pub fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    pub fn last(&self) -> &str {
        self.params.last().map_or("", String::as_str)
    }

    pub fn nick(&self) -> &str {
        self.source.as_ref().map_or("", |source| &source.nick)
    }

    /// The three digits of a numeric reply.
    pub fn numeric(&self) -> Option<u16> {
        (self.command.len() == 3).then(|| self.command.parse().ok()).flatten()
    }
}

fn parse_tag(tag: &str) -> (String, String) {
    let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
    let mut unescaped = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            unescaped.push(c);
            continue;
        }
        match chars.next() {
            Some(':') => unescaped.push(';'),
            Some('s') => unescaped.push(' '),
            Some('r') => unescaped.push('\r'),
            Some('n') => unescaped.push('\n'),
            Some(other) => unescaped.push(other),
            None => {}
        }
    }
    (key.to_owned(), unescaped)
}

/// The line without CRLF. What would break out of its place (line ends anywhere, a space in a parameter that is not
/// the last) is cut, since nicks, topics and texts come from outside.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tags.is_empty() {
            f.write_str("@")?;
            for (i, (key, value)) in self.tags.iter().enumerate() {
                if i > 0 {
                    f.write_str(";")?;
                }
                f.write_str(key)?;
                if !value.is_empty() {
                    f.write_str("=")?;
                    write_tag_value(f, value)?;
                }
            }
            f.write_str(" ")?;
        }
        if let Some(source) = &self.source {
            write!(f, ":{}", source.nick)?;
            if let Some(user) = &source.user {
                write!(f, "!{user}")?;
            }
            if let Some(host) = &source.host {
                write!(f, "@{host}")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.command)?;
        let Some((last, middle)) = self.params.split_last() else { return Ok(()) };
        for param in middle {
            let word = param.split([' ', '\r', '\n', '\0']).next().unwrap_or_default().trim_start_matches(':');
            write!(f, " {}", if word.is_empty() { "*" } else { word })?;
        }
        let line: String = last.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).collect();
        if line.is_empty() || line.contains(' ') || line.starts_with(':') {
            write!(f, " :{line}")
        } else {
            write!(f, " {line}")
        }
    }
}

fn write_tag_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    for c in value.chars() {
        match c {
            ';' => f.write_str("\\:")?,
            ' ' => f.write_str("\\s")?,
            '\\' => f.write_str("\\\\")?,
            '\r' => f.write_str("\\r")?,
            '\n' => f.write_str("\\n")?,
            '\0' => {}
            other => write!(f, "{other}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_source_and_trailing_are_taken_apart() {
        let m = Message::parse(
            "@time=2026-01-01T00:00:00.000Z;+x=a\\:b\\sc\\\\;flag :nick!u@h.example PRIVMSG #c :hi  there :)\r\n",
        )
        .unwrap();
        assert_eq!(m.tag("+x"), Some("a;b c\\"));
        assert_eq!(m.tag("flag"), Some(""));
        assert_eq!(m.source, Some(Source::parse("nick!u@h.example")));
        assert_eq!(m.source.as_ref().unwrap().host.as_deref(), Some("h.example"));
        assert_eq!(m.params, ["#c", "hi  there :)"]);
    }

    #[test]
    fn extra_spaces_and_lower_case_commands_are_taken() {
        let m = Message::parse(":srv.example  353  me  =   #c   :a b ").unwrap();
        assert_eq!(m.numeric(), Some(353));
        assert_eq!(m.params, ["me", "=", "#c", "a b "]);
        assert_eq!(Message::parse("ping x").unwrap().command, "PING");
    }

    #[test]
    fn lines_without_a_command_are_nothing() {
        for line in ["", " ", "\r\n", "@a=b", ":source", "@a=b :src", "@a :src "] {
            assert_eq!(Message::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn written_lines_read_back_the_same() {
        for line in [
            "@label=1;+draft/reply=x\\sy PRIVMSG #c :hello world",
            ":a!b@c TOPIC #c :",
            "PRIVMSG #c ::)",
            "CAP REQ :a b",
        ] {
            assert_eq!(Message::parse(line).unwrap().to_string(), line);
        }
    }

    #[test]
    fn nothing_from_outside_makes_a_second_line_or_parameter() {
        let m = Message::new("PRIVMSG", &["#c\r\nQUIT", "x\r\nQUIT :bye\0"]);
        assert_eq!(m.to_string(), "PRIVMSG #c :xQUIT :bye");
        assert_eq!(Message::new("KICK", &["#c", "nick extra", "why"]).to_string(), "KICK #c nick why");
        assert_eq!(Message::new("MODE", &["", "+b"]).to_string(), "MODE * +b");
    }
}
