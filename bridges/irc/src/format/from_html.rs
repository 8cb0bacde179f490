//! Matrix HTML to lines with mIRC codes.

use html5gum::{StartTag, Token, Tokenizer};

use super::colors;
use super::style::{Color, Style};

/// Deeper nesting than this is text without further formatting.
const MAX_DEPTH: usize = 100;

/// The lines of the text. Every line stands alone: formatting that lasts over a line end is opened again.
pub fn from_html(html: &str) -> String {
    let mut writer = Writer::default();
    let tokens: Tokenizer<_, _> = Tokenizer::new(html);
    for Ok(token) in tokens {
        match token {
            Token::StartTag(tag) => writer.open(&tag),
            Token::EndTag(tag) => writer.close(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => writer.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    writer.finish()
}

/// An open element and what to go back to at its end.
struct Element {
    name: String,
    style: Style,
    link: Option<Link>,
}

struct Link {
    href: String,
    /// where its text begins in the output
    start: usize,
}

enum List {
    Bullets,
    Numbers(u32),
}

#[derive(Default)]
struct Writer {
    out: String,
    /// what the codes in `out` add up to on this line
    written: Style,
    style: Style,
    open: Vec<Element>,
    lists: Vec<List>,
    quotes: usize,
    /// inside `<pre>`, where white space counts
    preformatted: usize,
    /// inside `<mx-reply>`, which repeats the message replied to
    skipping: usize,
    /// white space that is written only when text follows on the same line
    space: bool,
    line_has_text: bool,
}

impl Writer {
    fn open(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        let attribute = |key: &str| tag.attributes.get(key.as_bytes()).map(|v| String::from_utf8_lossy(v).into_owned());
        match name.as_str() {
            "br" => return self.newline(),
            "hr" => {
                self.block();
                self.text("---");
                return self.block();
            }
            "img" => return self.text(&attribute("alt").or_else(|| attribute("title")).unwrap_or_default()),
            _ => {}
        }
        if self.open.len() >= MAX_DEPTH {
            return;
        }
        let mut element = Element { name, style: self.style, link: None };
        match element.name.as_str() {
            "b" | "strong" => self.style.bold = true,
            "i" | "em" => self.style.italic = true,
            "u" | "ins" => self.style.underline = true,
            "s" | "del" | "strike" => self.style.strike = true,
            "code" | "tt" => self.style.monospace = true,
            "pre" => {
                self.block();
                self.preformatted += 1;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.block();
                self.style.bold = true;
            }
            "p" | "div" | "tr" | "table" | "details" | "summary" => self.block(),
            "td" | "th" => self.space = true,
            "blockquote" => {
                self.block();
                self.quotes += 1;
            }
            "ul" => {
                self.block();
                self.lists.push(List::Bullets);
            }
            "ol" => {
                self.block();
                let start = attribute("start").and_then(|s| s.parse().ok()).unwrap_or(1);
                self.lists.push(List::Numbers(start));
            }
            "li" => {
                self.block();
                let mark = match self.lists.last_mut() {
                    Some(List::Numbers(next)) => {
                        *next = next.saturating_add(1);
                        format!("{}. ", *next - 1)
                    }
                    _ => "• ".to_owned(),
                };
                self.push(&("  ".repeat(self.lists.len().saturating_sub(1)) + &mark));
            }
            "font" | "span" => {
                let color =
                    |keys: &[&str]| keys.iter().find_map(|k| colors::parse(&attribute(k)?)).map(colors::nearest);
                if attribute("data-mx-spoiler").is_some() {
                    (self.style.foreground, self.style.background) = (Some(Color::Code(1)), Some(Color::Code(1)));
                } else {
                    let foreground = color(&["data-mx-color", "color"]).map(Color::Code);
                    let background = color(&["data-mx-bg-color"]).map(Color::Code);
                    self.style.foreground = foreground.or(self.style.foreground);
                    self.style.background = background.or(self.style.background);
                }
            }
            "a" => {
                element.link = attribute("href").map(|href| Link { href, start: self.out.len() });
            }
            "mx-reply" => self.skipping += 1,
            _ => {}
        }
        self.open.push(element);
    }

    fn close(&mut self, name: &str) {
        let Some(at) = self.open.iter().rposition(|element| element.name == name) else { return };
        let mut outermost = None;
        for element in self.open.split_off(at).into_iter().rev() {
            match element.name.as_str() {
                "pre" => {
                    self.block();
                    self.preformatted -= 1;
                }
                "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "p" | "div" | "li" | "tr" | "table" | "details"
                | "summary" => self.block(),
                "blockquote" => {
                    self.block();
                    self.quotes -= 1;
                }
                "ul" | "ol" => {
                    self.block();
                    self.lists.pop();
                }
                "a" => self.close_link(element.link.as_ref()),
                "mx-reply" => self.skipping -= 1,
                _ => {}
            }
            outermost = Some(element.style);
        }
        if let Some(style) = outermost {
            self.style = style;
        }
    }

    /// The address follows its text, unless it is the text or names somebody on Matrix (a pill).
    fn close_link(&mut self, link: Option<&Link>) {
        let Some(Link { href, start }) = link else { return };
        if href.starts_with("https://matrix.to/") || href.starts_with("matrix:") {
            return;
        }
        let text = super::plain(&self.out[*start..]);
        let bare = |s: &str| s.trim().trim_end_matches('/').trim_start_matches("mailto:").to_owned();
        if bare(&text) != bare(href) {
            self.text(&format!(" <{href}>"));
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipping > 0 {
            return;
        }
        if self.preformatted > 0 {
            for (i, line) in text.split('\n').enumerate() {
                if i > 0 {
                    self.newline();
                }
                if !line.is_empty() {
                    self.push(line);
                }
            }
            return;
        }
        self.space |= text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            self.push(word);
            self.space = true;
        }
        if !text.ends_with(char::is_whitespace) && text.contains(|c: char| !c.is_whitespace()) {
            self.space = false;
        }
    }

    fn push(&mut self, text: &str) {
        if !self.line_has_text {
            self.out.push_str(&"> ".repeat(self.quotes));
            self.line_has_text = true;
            self.space = false;
        }
        if std::mem::take(&mut self.space) && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        self.out.push_str(&self.style.codes_from(&self.written));
        self.written = self.style;
        self.out.extend(text.chars().filter(|c| !c.is_control() || *c == '\t'));
    }

    fn newline(&mut self) {
        if self.skipping > 0 {
            return;
        }
        self.out.push('\n');
        self.written = Style::default();
        self.line_has_text = false;
        self.space = false;
    }

    /// A block begins or ends: nothing before it stays on its line.
    fn block(&mut self) {
        if self.line_has_text {
            self.newline();
        }
    }

    fn finish(self) -> String {
        self.out.trim_matches('\n').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_codes() {
        assert_eq!(from_html("a <b>b <i>c</i></b> <code>d</code>"), "a \u{2}b \u{1d}c \u{2}\u{1d}\u{11}d");
        assert_eq!(from_html("<u>u</u><del>s</del>"), "\u{1f}u\u{1f}\u{1e}s");
        assert_eq!(from_html("<font color=\"#ff0000\">red</font>7"), "\u{3}04red\u{f}7");
    }

    #[test]
    fn blocks_become_lines_and_formatting_is_opened_again_on_each() {
        assert_eq!(from_html("<p>one</p><p>two</p>"), "one\ntwo");
        assert_eq!(from_html("<b>one<br>two</b>"), "\u{2}one\n\u{2}two");
        assert_eq!(from_html("x<ul><li>a</li><li>b</li></ul><ol start=\"3\"><li>c</li></ol>"), "x\n• a\n• b\n3. c");
        assert_eq!(from_html("<blockquote><p>q</p></blockquote>a"), "> q\na");
        assert_eq!(from_html("<pre><code>a\n  b\n</code></pre>c"), "\u{11}a\n\u{11}  b\nc");
    }

    #[test]
    fn links_keep_their_address_and_pills_only_their_name() {
        assert_eq!(from_html("<a href=\"https://x.example/\">https://x.example</a>"), "https://x.example");
        assert_eq!(from_html("see <a href=\"https://x.example/\">this</a>!"), "see this <https://x.example/>!");
        assert_eq!(from_html("<a href=\"https://matrix.to/#/@irc_bob:x\">bob</a>: hi"), "bob: hi");
    }

    #[test]
    fn the_repeated_reply_and_entities_are_handled() {
        assert_eq!(from_html("<mx-reply><blockquote>old</blockquote></mx-reply>new &lt;3 &amp;"), "new <3 &");
    }

    #[test]
    fn white_space_collapses_and_control_characters_go() {
        assert_eq!(from_html("a \n b\u{1}c"), "a bc");
    }

    #[test]
    fn broken_or_deep_html_does_no_harm() {
        assert_eq!(from_html("</b>a<b>b"), "a\u{2}b");
        assert!(from_html(&"<blockquote>".repeat(5000)).is_empty());
    }
}
