//! Matrix HTML to a text with entities.

use html5gum::{StartTag, Token, Tokenizer};

use super::{Formatted, units};
use crate::api::{Entity, EntityUser};

/// Deeper nesting than this is text without further marks.
const MAX_DEPTH: usize = 100;

/// `user` answers the number behind a Matrix user's id that stands for somebody on Telegram.
pub fn from_html(html: &str, user: &dyn Fn(&str) -> Option<i64>) -> Formatted {
    let (text, done, open, lists) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    let mut reader = Reader { user, text, at: 0, done, open, lists, pending: Gap::None, skipped: 0 };
    let tokens: Tokenizer<_, _> = Tokenizer::new(html);
    for Ok(token) in tokens {
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => reader.characters(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    reader.finish()
}

/// An element that has begun: where in the text, and what entity it becomes.
struct Open {
    name: String,
    from: usize,
    entity: Option<Entity>,
}

/// White space that is written once something follows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
    Paragraph,
}

struct Reader<'a> {
    user: &'a dyn Fn(&str) -> Option<i64>,
    text: String,
    /// the text's length in UTF-16 code units
    at: usize,
    done: Vec<Entity>,
    open: Vec<Open>,
    /// the next number of each open list; `None` for bullets
    lists: Vec<Option<u32>>,
    pending: Gap,
    /// elements whose text is left out
    skipped: usize,
}

impl Reader<'_> {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        let attribute = |key: &str| tag.attributes.get(key.as_bytes()).map(|v| String::from_utf8_lossy(v).into_owned());
        let entity = |kind: &str| Some(Entity { kind: kind.to_owned(), ..Entity::default() });
        let mut mark = None;
        match name.as_str() {
            "br" => {
                if self.skipped == 0 {
                    self.write_gap();
                    self.raw("\n");
                }
                return;
            }
            "hr" => {
                self.gap(Gap::Line);
                self.write("———");
                return self.gap(Gap::Line);
            }
            // A custom emoji, mostly: its name is what is left of it.
            "img" => return self.write(&attribute("alt").or_else(|| attribute("title")).unwrap_or_default()),
            _ if self.open.len() >= MAX_DEPTH => return,
            "b" | "strong" => mark = entity("bold"),
            "i" | "em" => mark = entity("italic"),
            "u" | "ins" => mark = entity("underline"),
            "s" | "del" | "strike" => mark = entity("strikethrough"),
            "code" | "tt" if self.is_in("pre") => {
                let language = attribute("class").and_then(|c| c.strip_prefix("language-").map(str::to_owned));
                let pre = self.open.iter_mut().rfind(|open| open.name == "pre").and_then(|open| open.entity.as_mut());
                if let (Some(pre), Some(language)) = (pre, language) {
                    pre.language = Some(language);
                }
            }
            "code" | "tt" => mark = entity("code"),
            "pre" => {
                self.gap(Gap::Line);
                mark = entity("pre");
            }
            "blockquote" => {
                self.gap(Gap::Line);
                // A quotation holds no other one.
                mark = entity("blockquote").filter(|_| !self.is_in("blockquote"));
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.gap(Gap::Paragraph);
                mark = entity("bold");
            }
            "p" => self.gap(Gap::Paragraph),
            "div" | "tr" | "table" | "details" | "summary" => self.gap(Gap::Line),
            "td" | "th" => self.gap(Gap::Space),
            "ul" | "ol" => {
                self.gap(Gap::Line);
                let start = attribute("start").and_then(|start| start.parse().ok()).unwrap_or(1);
                self.lists.push((name == "ol").then_some(start));
            }
            "li" => {
                self.gap(Gap::Line);
                let indent = "  ".repeat(self.lists.len().saturating_sub(1));
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number = number.saturating_add(1);
                        format!("{}.", *number - 1)
                    }
                    _ => "•".to_owned(),
                };
                self.write(&format!("{indent}{mark} "));
            }
            "span" if attribute("data-mx-spoiler").is_some() => mark = entity("spoiler"),
            "a" => mark = attribute("href").and_then(|href| self.link(href)),
            "mx-reply" => self.skipped += 1,
            _ => {}
        }
        // White space before an element stands outside of it.
        if mark.is_some() && !self.text.is_empty() {
            self.write_gap();
        }
        self.open.push(Open { name, from: self.at, entity: mark });
    }

    fn link(&self, href: String) -> Option<Entity> {
        let id = href.strip_prefix("https://matrix.to/#/").or_else(|| href.strip_prefix("matrix:u/"));
        let named = id.map(|id| decoded(id.split('?').next().unwrap_or_default()));
        let named = named.map(|id| if id.starts_with('@') { id } else { format!("@{id}") });
        if let Some(id) = named.as_deref().and_then(self.user) {
            let user = EntityUser { id, is_bot: false, first_name: "user".to_owned() };
            return Some(Entity { kind: "text_mention".to_owned(), user: Some(user), ..Entity::default() });
        }
        // Somebody or something on Matrix: the name alone says more there.
        if id.is_some() {
            return None;
        }
        let is_known =
            ["http://", "https://", "tg://", "mailto:", "tel:"].iter().any(|scheme| href.starts_with(scheme));
        is_known.then(|| Entity { kind: "text_link".to_owned(), url: Some(href), ..Entity::default() })
    }

    fn end(&mut self, name: &str) {
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else { return };
        while self.open.len() > at {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        match open.name.as_str() {
            "mx-reply" => self.skipped -= 1,
            "ul" | "ol" => {
                self.lists.pop();
            }
            _ => {}
        }
        if let Some(entity) = open.entity {
            // An entity ends with what can be seen.
            let trailing: usize = self.text.chars().rev().take_while(|c| c.is_whitespace()).map(char::len_utf16).sum();
            let to = self.at - trailing.min(self.at);
            let is_url_itself = entity.url.as_deref().is_some_and(|url| {
                let bare = |s: &str| s.trim().trim_end_matches('/').trim_start_matches("mailto:").to_owned();
                bare(&slice(&self.text, open.from, to)) == bare(url)
            });
            if to > open.from && !is_url_itself {
                self.done.push(Entity { offset: open.from, length: to - open.from, ..entity });
            }
        }
        match open.name.as_str() {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.gap(Gap::Paragraph),
            "pre" | "blockquote" | "ul" | "ol" | "li" | "div" | "tr" | "table" | "details" | "summary" => {
                self.gap(Gap::Line);
            }
            _ => {}
        }
    }

    fn is_in(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.name == name)
    }

    fn characters(&mut self, text: &str) {
        if self.skipped > 0 {
            return;
        }
        if self.is_in("pre") {
            return self.write(text);
        }
        if text.starts_with(char::is_whitespace) {
            self.gap(Gap::Space);
        }
        for word in text.split_whitespace() {
            self.write(word);
            self.gap(Gap::Space);
        }
        let is_open_ended = !text.ends_with(char::is_whitespace) && text.contains(|c: char| !c.is_whitespace());
        if is_open_ended && self.pending == Gap::Space {
            self.pending = Gap::None;
        }
    }

    fn gap(&mut self, gap: Gap) {
        if self.skipped == 0 {
            self.pending = self.pending.max(gap);
        }
    }

    fn write_gap(&mut self) {
        let gap = std::mem::replace(&mut self.pending, Gap::None);
        if self.text.is_empty() {
            return;
        }
        let ends_line = self.text.ends_with('\n');
        match gap {
            Gap::Space if !self.text.ends_with([' ', '\n']) => self.raw(" "),
            Gap::Line if !ends_line => self.raw("\n"),
            Gap::Paragraph if self.text.ends_with("\n\n") => {}
            Gap::Paragraph if ends_line => self.raw("\n"),
            Gap::Paragraph => self.raw("\n\n"),
            _ => {}
        }
    }

    fn write(&mut self, text: &str) {
        if self.skipped > 0 || text.is_empty() {
            return;
        }
        let before = self.at;
        self.write_gap();
        // What opened where the gap was begins after it.
        let after = self.at;
        for open in self.open.iter_mut().rev().take_while(|open| open.from == before) {
            open.from = after;
        }
        self.raw(text);
    }

    fn raw(&mut self, text: &str) {
        let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        self.at += units(&clean);
        self.text.push_str(&clean);
    }

    fn finish(mut self) -> Formatted {
        while !self.open.is_empty() {
            self.close();
        }
        let text = self.text.trim_end().to_owned();
        let all = units(&text);
        let mut entities: Vec<Entity> = self.done.into_iter().filter(|entity| entity.offset < all).collect();
        for entity in &mut entities {
            entity.length = entity.length.min(all - entity.offset);
        }
        let code: Vec<(usize, usize)> = entities
            .iter()
            .filter(|entity| matches!(entity.kind.as_str(), "code" | "pre"))
            .map(|entity| (entity.offset, entity.offset + entity.length))
            .collect();
        // Code holds no other entity and stands in none but a quotation.
        entities.retain(|entity| {
            let (from, to) = (entity.offset, entity.offset + entity.length);
            let is_code = matches!(entity.kind.as_str(), "code" | "pre");
            is_code || entity.kind == "blockquote" || !code.iter().any(|(a, b)| *a < to && from < *b)
        });
        entities.sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
        Formatted { text, entities }
    }
}

/// A part of a text, by UTF-16 code units.
fn slice(text: &str, from: usize, to: usize) -> String {
    let mut at = 0;
    let mut out = String::new();
    for c in text.chars() {
        if at >= to {
            break;
        }
        if at >= from {
            out.push(c);
        }
        at += c.len_utf16();
    }
    out
}

/// Percent-decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Formatted {
        from_html(html, &|id| id.strip_prefix("@telegram_")?.strip_suffix(":x")?.parse().ok())
    }

    /// `text|kind from length|…`
    fn brief(html: &str) -> String {
        let read = read(html);
        let mut out = read.text;
        for entity in read.entities {
            out.push_str(&format!("|{} {} {}", entity.kind, entity.offset, entity.length));
        }
        out
    }

    #[test]
    fn marks_become_entities_counted_in_utf16() {
        assert_eq!(brief("🎈 <b>b <i>c</i></b> <del>d</del>"), "🎈 b c d|bold 3 3|italic 5 1|strikethrough 7 1");
        assert_eq!(brief("<span data-mx-spoiler>s</span><u>u</u>"), "su|spoiler 0 1|underline 1 1");
    }

    #[test]
    fn white_space_stands_outside_of_entities() {
        assert_eq!(brief("a<b> b </b>c"), "a b c|bold 2 1");
        assert_eq!(brief("<b> </b>x"), "x");
        assert_eq!(brief("a <b>b</b> c"), "a b c|bold 2 1");
    }

    #[test]
    fn blocks_become_lines() {
        assert_eq!(brief("<p>one</p><p>two</p>"), "one\n\ntwo");
        assert_eq!(brief("x<ul><li>a</li><li>b</li></ul>y<ol start=\"3\"><li>c</li></ol>"), "x\n• a\n• b\ny\n3. c");
        assert_eq!(brief("<h1>T</h1>t<br>u"), "T\n\nt\nu|bold 0 1");
        assert_eq!(brief("<blockquote><p>q</p><blockquote>r</blockquote></blockquote>a"), "q\n\nr\na|blockquote 0 4");
    }

    #[test]
    fn code_keeps_its_lines_and_language_and_holds_nothing_else() {
        let read = read("<pre><code class=\"language-rust\">a\n  b\n</code></pre>c");
        assert_eq!(read.text, "a\n  b\nc");
        let [pre] = read.entities.as_slice() else { panic!("{:?}", read.entities) };
        assert_eq!((pre.kind.as_str(), pre.offset, pre.length, pre.language.as_deref()), ("pre", 0, 5, Some("rust")));
        assert_eq!(brief("<b>x <code>y</code></b>"), "x y|code 2 1");
    }

    #[test]
    fn links_and_pills() {
        assert_eq!(brief("<a href=\"https://x.example/\">https://x.example</a>"), "https://x.example");
        let link = read("see <a href=\"https://x.example/\">this</a>").entities;
        assert_eq!((link[0].kind.as_str(), link[0].url.as_deref()), ("text_link", Some("https://x.example/")));
        let pill = read("<a href=\"https://matrix.to/#/%40telegram_5%3Ax\">Bob</a>: hi").entities;
        assert_eq!((pill[0].kind.as_str(), pill[0].user.as_ref().map(|user| user.id)), ("text_mention", Some(5)));
        assert_eq!(brief("<a href=\"https://matrix.to/#/@alice:x\">Alice</a>"), "Alice");
        assert_eq!(brief("<a href=\"javascript:x\">y</a>"), "y");
    }

    #[test]
    fn broken_or_deep_html_does_no_harm() {
        assert_eq!(brief("</b>a<b>b"), "ab|bold 1 1");
        assert_eq!(brief(&"<blockquote>".repeat(5000)), "");
        assert_eq!(brief("<mx-reply>old</mx-reply>new &lt;3"), "new <3");
    }
}
