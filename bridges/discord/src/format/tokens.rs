//! What stands in angle brackets: mentions, channels, emoji, moments, addresses.

use super::Names;

#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    User(u64),
    Role(u64),
    Channel(u64),
    /// name, id, and whether it moves
    Emoji(&'a str, u64, bool),
    /// seconds since the Unix epoch
    Moment(i64),
    Command(&'a str),
    Url(&'a str),
}

impl<'a> Token<'a> {
    /// The token at the beginning of a text, and its length in bytes.
    pub fn read(text: &'a str) -> Option<(Self, usize)> {
        let inner = text.strip_prefix('<')?;
        let end = inner.find(['>', '\n'])?;
        if !inner[end..].starts_with('>') {
            return None;
        }
        let inner = &inner[..end];
        let id = |text: &str| {
            (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
        };
        let token = if let Some(rest) = inner.strip_prefix("@&") {
            Self::Role(id(rest)?)
        } else if let Some(rest) = inner.strip_prefix('@') {
            Self::User(id(rest.strip_prefix('!').unwrap_or(rest))?)
        } else if let Some(rest) = inner.strip_prefix('#') {
            Self::Channel(id(rest)?)
        } else if let Some(rest) = inner.strip_prefix("t:") {
            Self::Moment(rest.split(':').next()?.parse().ok()?)
        } else if let Some(rest) = inner.strip_prefix('/') {
            let (name, number) = rest.rsplit_once(':')?;
            id(number)?;
            Self::Command(name)
        } else if let Some(rest) = inner.strip_prefix("a:").or_else(|| inner.strip_prefix(':')) {
            let (name, number) = rest.split_once(':')?;
            Self::Emoji(name, id(number)?, inner.starts_with('a'))
        } else if is_url(inner) {
            Self::Url(inner)
        } else {
            return None;
        };
        Some((token, end + 2))
    }

    /// As words, and the address behind them.
    pub fn words(&self, names: &dyn Names) -> (String, Option<String>) {
        let linked = |mark: &str, found: Option<(String, String)>, id: u64| match found {
            Some((name, link)) => (format!("{mark}{}", name.trim_start_matches(mark)), Some(link)),
            None => (format!("{mark}{id}"), None),
        };
        match self {
            Self::User(id) => linked("@", names.user(*id), *id),
            Self::Channel(id) => linked("#", names.channel(*id), *id),
            Self::Role(id) => (names.role(*id).map_or_else(|| format!("@{id}"), |name| format!("@{name}")), None),
            Self::Emoji(name, ..) => (format!(":{name}:"), None),
            Self::Moment(seconds) => (moment(*seconds), None),
            Self::Command(name) => (format!("/{name}"), None),
            Self::Url(url) => ((*url).to_owned(), None),
        }
    }
}

pub(super) fn is_url(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        && !text.contains(char::is_whitespace)
}

/// `2026-01-31 12:30 UTC`
fn moment(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Of the proleptic Gregorian calendar, with years that begin in March.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart() {
        assert_eq!(Token::read("<@!5> x"), Some((Token::User(5), 5)));
        assert_eq!(Token::read("<@&6>"), Some((Token::Role(6), 5)));
        assert_eq!(Token::read("<#7>"), Some((Token::Channel(7), 4)));
        assert_eq!(Token::read("<a:fish:8>"), Some((Token::Emoji("fish", 8, true), 10)));
        assert_eq!(Token::read("<:fish:8>"), Some((Token::Emoji("fish", 8, false), 9)));
        assert_eq!(Token::read("</go now:9>"), Some((Token::Command("go now"), 11)));
        assert_eq!(Token::read("<https://x>"), Some((Token::Url("https://x"), 11)));
        for none in ["<@>", "<@x>", "<b>", "<", "<@5\n>", "<t:>", "<99999999999999999999999>"] {
            assert_eq!(Token::read(none), None, "{none:?}");
        }
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(moment(0), "1970-01-01 00:00 UTC");
        assert_eq!(moment(1_709_210_096), "2024-02-29 12:34 UTC");
        assert_eq!(moment(-1), "1969-12-31 23:59 UTC");
        moment(i64::MAX);
        moment(i64::MIN);
    }
}
