//! OpenGraph data of a page, and what stands for them in one that has none. Read token by token, in time linear in its
//! length: the tree of a page that means ill can take quadratic time.

use html5gum::{DefaultEmitter, StartTag, StringReader, Token, Tokenizer};
use serde_json::{Map, Value};

use super::summary::{ENOUGH, summary};

/// OpenGraph keys of one page.
const KEYS: usize = 50;
/// Elements whose text is not the page's.
const ASIDE: [&[u8]; 12] = [
    b"header",
    b"nav",
    b"aside",
    b"footer",
    b"script",
    b"noscript",
    b"style",
    b"svg",
    b"iframe",
    b"video",
    b"canvas",
    b"picture",
];
/// On either side, for an image that is more than decoration.
const SMALL: f64 = 10.0;

/// What a page says of itself.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// its image is as the page names it
    pub shown: Map<String, Value>,
    /// where there is more (oEmbed)
    pub oembed: Option<String>,
    /// of its first video or embedded thing
    pub video: Option<String>,
}

pub(super) fn read(html: &str) -> Page {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut reader = Reader::default();
    for token in Tokenizer::<StringReader<'_>, _>::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reader.open(&Tag(&tag)),
            Token::EndTag(tag) => reader.close(&tag.name),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    reader.page()
}

struct Tag<'a>(&'a StartTag<()>);

impl Tag<'_> {
    fn name(&self) -> &[u8] {
        &self.0.name
    }

    /// None also where it is blank.
    fn get(&self, key: &str) -> Option<String> {
        let value = self.0.attributes.get(key.as_bytes())?;
        let value = String::from_utf8_lossy(value);
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn number(&self, key: &str) -> f64 {
        self.get(key).and_then(|text| text.parse().ok()).unwrap_or(0.0)
    }
}

/// What is known so far.
#[derive(Default)]
struct Reader {
    shown: Map<String, Value>,
    /// of `twitter:…`, as OpenGraph names them
    twitter: Map<String, Value>,
    /// `<title>`, or the first heading
    title: Option<String>,
    /// the text of the one that is open
    heading: Option<String>,
    description: Option<String>,
    meta_image: Option<String>,
    largest_image: Option<(f64, String)>,
    first_image: Option<String>,
    icon: Option<String>,
    video: Option<String>,
    embed: Option<String>,
    oembed: Option<String>,
    paragraphs: Vec<String>,
    /// characters of those
    length: usize,
    /// elements that are open whose text is not the page's
    aside: usize,
}

impl Reader {
    fn open(&mut self, tag: &Tag<'_>) {
        let src = || tag.get("src");
        match tag.name() {
            b"meta" => self.meta(tag),
            b"link" => self.link(tag),
            b"title" | b"h1" | b"h2" | b"h3" if self.aside == 0 && self.title.is_none() => {
                self.heading = Some(String::new());
            }
            b"img" => self.image(tag),
            b"video" => self.video = self.video.take().or_else(src),
            b"embed" => self.embed = self.embed.take().or_else(src),
            // What was left open in the head has ended.
            b"body" => self.aside = 0,
            _ => {}
        }
        if ASIDE.contains(&tag.name()) && !tag.0.self_closing {
            self.aside += 1;
        }
    }

    fn close(&mut self, name: &[u8]) {
        match name {
            b"title" | b"h1" | b"h2" | b"h3" => {
                let heading = self.heading.take().map(|text| text.trim().to_owned());
                self.title = self.title.take().or(heading.filter(|text| !text.is_empty()));
            }
            name if ASIDE.contains(&name) => self.aside = self.aside.saturating_sub(1),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading {
            heading.push_str(text);
        } else if self.aside == 0 && self.length < ENOUGH && !text.trim().is_empty() {
            self.length += text.trim().chars().count();
            self.paragraphs.push(text.to_owned());
        }
    }

    fn meta(&mut self, tag: &Tag<'_>) {
        let Some(content) = tag.get("content") else { return };
        let (property, name) = (tag.get("property").unwrap_or_default(), tag.get("name").unwrap_or_default());
        let is_og = ["og:", "article:", "profile:"].iter().any(|prefix| property.starts_with(prefix));
        if is_og && self.shown.len() < KEYS {
            self.shown.insert(property, content.into());
        } else if let Some(rest) = name.strip_prefix("twitter:") {
            let key = match rest {
                "card" | "creator" => return,
                "site" => "og:site_name".to_owned(),
                rest => format!("og:{rest}"),
            };
            if self.twitter.len() < KEYS {
                self.twitter.insert(key, content.into());
            }
        } else if name.to_ascii_lowercase().contains("description") {
            self.description.get_or_insert(content);
        } else if tag.get("itemprop").is_some_and(|item| item.to_ascii_lowercase().contains("image")) {
            self.meta_image.get_or_insert(content);
        }
    }

    fn link(&mut self, tag: &Tag<'_>) {
        let (Some(rel), Some(href)) = (tag.get("rel"), tag.get("href")) else { return };
        let rels: Vec<String> = rel.split_whitespace().map(str::to_ascii_lowercase).collect();
        let is = |name: &str| rels.iter().any(|rel| rel == name);
        if (is("alternate") || is("alternative")) && tag.get("type").as_deref() == Some("application/json+oembed") {
            self.oembed.get_or_insert(href);
        } else if is("icon") {
            self.icon.get_or_insert(href);
        }
    }

    fn image(&mut self, tag: &Tag<'_>) {
        let Some(src) = tag.get("src") else { return };
        let (width, height) = (tag.number("width"), tag.number("height"));
        let area = width * height;
        if width > SMALL && height > SMALL && self.largest_image.as_ref().is_none_or(|(largest, _)| area > *largest) {
            self.largest_image = Some((area, src.clone()));
        }
        self.first_image.get_or_insert(src);
    }

    fn page(self) -> Page {
        let mut shown = self.twitter;
        shown.extend(self.shown);
        let image = self.meta_image.or(self.largest_image.map(|(_, src)| src)).or(self.first_image).or(self.icon);
        let described = match shown.remove("og:description") {
            Some(Value::String(text)) => summary([text.as_str()]),
            _ => self.description.or_else(|| summary(self.paragraphs.iter().map(String::as_str))),
        };
        for (key, value) in [("og:title", self.title), ("og:image", image)] {
            if let Some(value) = value
                && !shown.contains_key(key)
            {
                shown.insert(key.to_owned(), value.into());
            }
        }
        if let Some(described) = described {
            shown.insert("og:description".to_owned(), described.into());
        }
        Page { shown, oembed: self.oembed, video: self.video.or(self.embed) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(html: &str) -> Value {
        Value::Object(read(html).shown)
    }

    #[test]
    fn what_a_page_says_of_itself_comes_first() {
        let html = r#"<!DOCTYPE html><html><head><title>Not this</title>
            <meta property="og:title" content="Tea &amp; cake"><meta property="og:image" content="/cup.png">
            <meta name="twitter:title" content="nor this"><meta name="twitter:site" content="@tea">
            <meta name="twitter:card" content="summary"><meta property="og:description" content=" Two   words ">
            <meta property="article:author" content="Alice"><meta property="og:blank" content=" ">
            <link rel="alternate" type="application/json+oembed" href="/oembed?u=1">
            </head><body><h1>Tea</h1><p>Long text</p></body></html>"#;
        let page = read(html);
        let expected = json!({
            "og:title": "Tea & cake", "og:image": "/cup.png", "og:site_name": "@tea", "og:description": "Two words",
            "article:author": "Alice",
        });
        assert_eq!(Value::Object(page.shown), expected);
        assert_eq!(page.oembed.as_deref(), Some("/oembed?u=1"));
    }

    #[test]
    fn a_page_that_says_nothing_is_described_by_what_is_on_it() {
        let html = "<title></title><script>var x = '<p>no</p>';</script><body><nav>Menu</nav><h1>Harbor &lt;1&gt;</h1>\
            <img src=dot.gif width=1 height=1><img src=a.png width=20 height=20><img src=b.png width=90 height=90>\
            <style>p { }</style><p>First.</p><svg><title>x</title></svg><p>Second.</p><footer>End</footer>";
        let expected = json!({ "og:title": "Harbor <1>", "og:image": "b.png", "og:description": "First.\n\nSecond." });
        assert_eq!(shown(html), expected);
        assert_eq!(shown("<link rel='shortcut icon' href=/i.ico>"), json!({ "og:image": "/i.ico" }));
        assert_eq!(shown("<meta name=Description content=words>text")["og:description"], "words");
        assert_eq!(shown(""), json!({}));
    }

    #[test]
    fn pages_that_mean_ill_end_soon_and_stay_small() {
        let many: String = (0..10_000).map(|n| format!("<meta property='og:{n}' content=x>")).collect();
        assert_eq!(read(&many).shown.len(), KEYS);
        for html in
            ["<b><p>".repeat(150_000), "<nav>".repeat(200_000) + "text", "<a ".repeat(300_000), "&amp".repeat(250_000)]
        {
            let page = read(&html);
            assert!(page.shown.values().all(|value| value.as_str().is_some_and(|text| text.len() < 3_000)));
        }
    }
}
