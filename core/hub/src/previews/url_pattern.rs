//! Synapse's `url_preview_url_blacklist`: what URLs are not previewed.

use regex::Regex;
use url::Url;

/// Python's names of a URL's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlPart {
    Scheme,
    Netloc,
    Path,
    Query,
    Fragment,
    Username,
    Password,
    Hostname,
    Port,
}

impl UrlPart {
    /// None: there is no such part.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "scheme" => Self::Scheme,
            "netloc" => Self::Netloc,
            "path" => Self::Path,
            "query" => Self::Query,
            "fragment" => Self::Fragment,
            "username" => Self::Username,
            "password" => Self::Password,
            "hostname" => Self::Hostname,
            "port" => Self::Port,
            _ => return None,
        })
    }

    /// None where a URL has none.
    fn of(self, url: &Url) -> Option<String> {
        let text = |text: &str| Some(text.to_owned());
        match self {
            Self::Scheme => text(url.scheme()),
            Self::Netloc => text(url.authority()),
            Self::Path => text(url.path()),
            Self::Query => text(url.query().unwrap_or_default()),
            Self::Fragment => text(url.fragment().unwrap_or_default()),
            Self::Username => text(url.username()).filter(|name| !name.is_empty()),
            Self::Password => url.password().map(str::to_owned),
            Self::Hostname => url.host_str().map(str::to_owned),
            Self::Port => url.port().map(|port| port.to_string()),
        }
    }
}

/// What one part is to look like.
#[derive(Clone, Debug)]
pub struct UrlPattern {
    part: UrlPart,
    pattern: Regex,
}

impl UrlPattern {
    /// A regular expression for the part's beginning where it begins with `^`, else a pattern of a shell's for all of it.
    ///
    /// # Errors
    /// When it is neither.
    pub fn new(part: UrlPart, pattern: &str) -> Result<Self, regex::Error> {
        let expression = if pattern.starts_with('^') {
            pattern.to_owned()
        } else {
            let of_shell = |c: char| match c {
                '*' => ".*".to_owned(),
                '?' => ".".to_owned(),
                c => regex::escape(c.encode_utf8(&mut [0; 4])),
            };
            format!("(?s)^{}$", pattern.chars().map(of_shell).collect::<String>())
        };
        Ok(Self { part, pattern: Regex::new(&expression)? })
    }
}

/// Whether a URL has all of these parts, each as the pattern says.
pub(super) fn all_match(patterns: &[UrlPattern], url: &Url) -> bool {
    patterns.iter().all(|pattern| pattern.part.of(url).is_some_and(|text| pattern.pattern.is_match(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_denied_when_all_that_an_entry_names_fits() {
        let entry = |parts: &[(&str, &str)]| -> Vec<UrlPattern> {
            let pattern = |(part, pattern): &(&str, &str)| {
                UrlPattern::new(UrlPart::parse(part).expect("a part"), pattern).expect("a pattern")
            };
            parts.iter().map(pattern).collect()
        };
        for (parts, url, expected) in [
            (&[("username", "*")][..], "https://me:secret@example.org/", true),
            (&[("username", "*")], "https://example.org/", false),
            (&[("netloc", "google.com")], "https://google.com/x", true),
            (&[("netloc", "google.com")], "https://google.com.evil.org/x", false),
            (&[("netloc", "*.google.com")], "https://www.google.com/", true),
            (&[("netloc", "^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$")], "http://192.0.2.1/", true),
            (&[("scheme", "http"), ("netloc", "www.acme.com"), ("path", "/foo")], "http://www.acme.com/foo", true),
            (&[("scheme", "http"), ("netloc", "www.acme.com"), ("path", "/foo")], "https://www.acme.com/foo", false),
            (&[("port", "8443")], "https://example.org:8443/", true),
            (&[("port", "443")], "https://example.org/", false),
        ] {
            let is_denied = all_match(&entry(parts), &Url::parse(url).expect("a URL"));
            assert_eq!(is_denied, expected, "{parts:?} {url}");
        }
    }
}
