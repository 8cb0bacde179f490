//! A line, as much of it as a server needs.

#[derive(Clone, Debug, Default)]
pub struct Line {
    /// as they stand on the wire, still escaped
    pub tags: Vec<(String, String)>,
    pub command: String,
    pub params: Vec<String>,
}

impl Line {
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_end_matches(['\r', '\n']);
        let mut line = Self::default();
        if let Some(tagged) = rest.strip_prefix('@') {
            let (tags, after) = tagged.split_once(' ')?;
            let pair = |tag: &str| {
                tag.split_once('=').map_or((tag.to_owned(), String::new()), |(k, v)| (k.to_owned(), v.to_owned()))
            };
            line.tags = tags.split(';').map(pair).collect();
            rest = after;
        }
        let (head, trailing) = match rest.split_once(" :") {
            Some((head, trailing)) => (head, Some(trailing)),
            None => (rest, None),
        };
        let mut words = head.split_whitespace().map(str::to_owned);
        line.command = words.next()?.to_ascii_uppercase();
        line.params = words.collect();
        line.params.extend(trailing.map(str::to_owned));
        Some(line)
    }

    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }
}
