//! Matrix HTML to Discord's Markdown.

use html5gum::{StartTag, Token, Tokenizer};

/// Deeper nesting than this is text without further marks.
const MAX_DEPTH: usize = 100;
/// Stands between ticks that would end a block of code.
const BREAK: char = '\u{200b}';

/// A text, and the ids of those whom it mentions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Markdown {
    pub text: String,
    pub mentioned: Vec<u64>,
}

/// `user` answers the id behind a Matrix user who stands for somebody on Discord, `emoji` the mark for a custom one's name.
pub fn from_html(html: &str, user: &dyn Fn(&str) -> Option<u64>, emoji: &dyn Fn(&str) -> Option<String>) -> Markdown {
    let mut reader = Reader {
        user,
        emoji,
        out: String::new(),
        mentioned: Vec::new(),
        open: Vec::new(),
        lists: Vec::new(),
        pending: Gap::None,
        skipped: 0,
    };
    let tokens: Tokenizer<_, _> = Tokenizer::new(html);
    for Ok(token) in tokens {
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => reader.characters(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    while !reader.open.is_empty() {
        reader.close();
    }
    Markdown { text: reader.out.trim().to_owned(), mentioned: reader.mentioned }
}

/// What an element does with its text at its end.
enum Kind {
    /// nothing
    Bare,
    /// stands on both sides of it
    Marks(&'static str),
    /// stands before each line
    Lines(&'static str),
    Code,
    /// with its language
    Block(String),
    Link(String),
    /// says it all itself
    Instead(String),
}

/// An element that has begun, and where in the text.
struct Open {
    name: String,
    from: usize,
    kind: Kind,
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
    user: &'a dyn Fn(&str) -> Option<u64>,
    emoji: &'a dyn Fn(&str) -> Option<String>,
    out: String,
    mentioned: Vec<u64>,
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
        let mut kind = Kind::Bare;
        match name.as_str() {
            "br" => {
                if self.skipped == 0 {
                    self.write_gap();
                    self.out.push('\n');
                }
                return;
            }
            "hr" => {
                self.gap(Gap::Line);
                self.write("———");
                return self.gap(Gap::Line);
            }
            "img" => return self.image(attribute("alt").or_else(|| attribute("title")).unwrap_or_default()),
            _ if self.open.len() >= MAX_DEPTH => return,
            // What is code already holds no marks.
            _ if self.is_in("pre") || self.is_in("code") => {
                if name == "code"
                    && let Some(language) =
                        attribute("class").and_then(|c| c.strip_prefix("language-").map(str::to_owned))
                    && let Some(Kind::Block(of)) =
                        self.open.iter_mut().rfind(|open| open.name == "pre").map(|open| &mut open.kind)
                    && language.chars().all(|c| c.is_ascii_alphanumeric() || "+-#_.".contains(c))
                {
                    *of = language;
                }
            }
            "b" | "strong" => kind = Kind::Marks("**"),
            "i" | "em" => kind = Kind::Marks("*"),
            "u" | "ins" => kind = Kind::Marks("__"),
            "s" | "del" | "strike" => kind = Kind::Marks("~~"),
            "span" if attribute("data-mx-spoiler").is_some() => kind = Kind::Marks("||"),
            "code" | "tt" => kind = Kind::Code,
            "pre" => {
                self.gap(Gap::Line);
                kind = Kind::Block(String::new());
            }
            "blockquote" => {
                self.gap(Gap::Line);
                // A quotation holds no other one.
                kind = if self.is_in("blockquote") { Kind::Bare } else { Kind::Lines("> ") };
            }
            "h1" => kind = self.heading("# "),
            "h2" => kind = self.heading("## "),
            "h3" => kind = self.heading("### "),
            "h4" | "h5" | "h6" => {
                self.gap(Gap::Paragraph);
                kind = Kind::Marks("**");
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
                let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(10));
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number = number.saturating_add(1);
                        format!("{indent}{}. ", *number - 1)
                    }
                    _ => format!("{indent}- "),
                };
                self.write(&mark);
            }
            "a" => kind = attribute("href").map_or(Kind::Bare, |href| self.link(href)),
            "mx-reply" => self.skipped += 1,
            _ => {}
        }
        if !matches!(kind, Kind::Bare) && !self.out.is_empty() {
            self.write_gap();
        }
        self.open.push(Open { name, from: self.out.len(), kind });
    }

    fn heading(&mut self, mark: &'static str) -> Kind {
        self.gap(Gap::Line);
        Kind::Lines(mark)
    }

    fn image(&mut self, name: String) {
        let bare = name.trim_matches(':');
        let known = if self.is_in("pre") || self.is_in("code") { None } else { (self.emoji)(bare) };
        let text = known.unwrap_or(name);
        self.write(&text);
    }

    fn link(&mut self, href: String) -> Kind {
        let id = href.strip_prefix("https://matrix.to/#/").or_else(|| href.strip_prefix("matrix:u/"));
        let named = id.map(|id| decoded(id.split('?').next().unwrap_or_default()));
        let named = named.map(|id| if id.starts_with(['@', '#', '!']) { id } else { format!("@{id}") });
        if let Some(id) = named.as_deref().and_then(self.user) {
            if self.skipped == 0 && !self.mentioned.contains(&id) {
                self.mentioned.push(id);
            }
            return Kind::Instead(format!("<@{id}>"));
        }
        // Somebody or something on Matrix: the name alone says more there.
        if id.is_some() || !["http://", "https://"].iter().any(|scheme| href.starts_with(scheme)) {
            return Kind::Bare;
        }
        Kind::Link(href.replace(' ', "%20").replace('(', "%28").replace(')', "%29"))
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
        if !matches!(open.kind, Kind::Bare) {
            let inner = self.out.split_off(open.from.min(self.out.len()));
            let enclosed = enclosed(&open.kind, &inner);
            self.out.push_str(&enclosed);
        }
        match open.name.as_str() {
            "p" | "h4" | "h5" | "h6" => self.gap(Gap::Paragraph),
            // Its last paragraph's end is its own.
            "blockquote" if self.skipped == 0 => self.pending = Gap::Line,
            "pre" | "blockquote" | "ul" | "ol" | "li" | "div" | "tr" | "table" | "details" | "summary" | "h1"
            | "h2" | "h3" => self.gap(Gap::Line),
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
        let is_code = self.is_in("code") || self.is_in("tt");
        if text.starts_with(char::is_whitespace) {
            self.gap(Gap::Space);
        }
        for word in text.split_whitespace() {
            self.write_gap();
            match is_code {
                true => self.write(word),
                false => self.word(word),
            }
            self.gap(Gap::Space);
        }
        let is_open_ended = !text.ends_with(char::is_whitespace) && text.contains(|c: char| !c.is_whitespace());
        if is_open_ended && self.pending == Gap::Space {
            self.pending = Gap::None;
        }
    }

    fn word(&mut self, word: &str) {
        let begins = self.open.iter().any(|open| open.from == self.out.len() && matches!(open.kind, Kind::Lines(_)));
        let is_first = self.out.is_empty() || self.out.ends_with('\n') || begins;
        let mut escaped = String::new();
        escape_word(word, is_first, &mut escaped);
        self.write(&escaped);
    }

    fn gap(&mut self, gap: Gap) {
        if self.skipped == 0 {
            self.pending = self.pending.max(gap);
        }
    }

    fn write_gap(&mut self) {
        let gap = std::mem::replace(&mut self.pending, Gap::None);
        if self.out.is_empty() {
            return;
        }
        let before = self.out.len();
        let ends_line = self.out.ends_with('\n');
        match gap {
            Gap::Space if !self.out.ends_with([' ', '\n']) => self.out.push(' '),
            Gap::Line if !ends_line => self.out.push('\n'),
            Gap::Paragraph if self.out.ends_with("\n\n") => {}
            Gap::Paragraph if ends_line => self.out.push('\n'),
            Gap::Paragraph => self.out.push_str("\n\n"),
            _ => {}
        }
        // What opened where the gap was begins after it.
        let after = self.out.len();
        for open in self.open.iter_mut().rev().take_while(|open| open.from == before) {
            open.from = after;
        }
    }

    fn write(&mut self, text: &str) {
        if self.skipped > 0 || text.is_empty() {
            return;
        }
        self.write_gap();
        self.out.extend(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')));
    }
}

/// An element's text with what marks it.
fn enclosed(kind: &Kind, inner: &str) -> String {
    let text = inner.trim();
    if text.is_empty() {
        return inner.to_owned();
    }
    // White space stands outside of marks.
    let (before, after) = (&inner[..inner.len() - inner.trim_start().len()], &inner[inner.trim_end().len()..]);
    match kind {
        Kind::Bare => inner.to_owned(),
        Kind::Marks(mark) => format!("{before}{mark}{text}{mark}{after}"),
        Kind::Lines(mark) => text.lines().map(|line| format!("{mark}{line}")).collect::<Vec<_>>().join("\n"),
        Kind::Code if text.contains('`') => format!("{before}`` {text} ``{after}"),
        Kind::Code => format!("{before}`{text}`{after}"),
        Kind::Block(language) => {
            let code = inner.trim_matches('\n').replace("```", &format!("``{BREAK}`"));
            format!("```{language}\n{code}\n```")
        }
        Kind::Link(url) if is_itself(text, url) => format!("{before}{url}{after}"),
        Kind::Link(url) => format!("{before}[{}]({url}){after}", text.replace('\n', " ")),
        Kind::Instead(with) => format!("{before}{with}{after}"),
    }
}

/// Whether a link's text is its address.
fn is_itself(text: &str, url: &str) -> bool {
    let bare = |text: &str| text.replace('\\', "").trim_end_matches('/').to_owned();
    bare(text) == bare(url)
}

/// A text that marks nothing, whatever it holds.
pub fn escape_markdown(text: &str) -> String {
    let mut out = String::new();
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut is_first = true;
        for piece in line.split_inclusive(char::is_whitespace) {
            let word = piece.trim_end_matches(char::is_whitespace);
            escape_word(word, is_first, &mut out);
            out.push_str(&piece[word.len()..]);
            is_first &= word.is_empty();
        }
    }
    out
}

/// `is_first`: of its line, where some signs say more.
fn escape_word(word: &str, is_first: bool, out: &mut String) {
    if word.starts_with("https://") || word.starts_with("http://") {
        return out.push_str(word);
    }
    if is_first {
        let number = word.strip_suffix('.').filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if let Some(number) = number {
            return out.push_str(&format!("{number}\\."));
        }
        let is_mark = matches!(word, ">" | ">>>" | "-" | "+" | "#" | "##" | "###" | "-#");
        if is_mark {
            out.push('\\');
        }
    }
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        let is_pair = |c: char| behind.starts_with(c) || out.ends_with(c);
        let means_something = match c {
            '\\' | '*' | '_' | '`' => true,
            '~' | '|' => is_pair(c),
            '[' => true,
            '<' => behind.starts_with(['@', '#', ':', '/']) || behind.starts_with("a:") || behind.starts_with("t:"),
            _ => false,
        };
        if means_something {
            out.push('\\');
        }
        out.push(c);
        rest = behind;
    }
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

    fn read(html: &str) -> Markdown {
        let user = |id: &str| id.strip_prefix("@discord_")?.strip_suffix(":x")?.parse().ok();
        from_html(html, &user, &|name| (name == "fish").then(|| "<:fish:8>".to_owned()))
    }

    fn text(html: &str) -> String {
        read(html).text
    }

    #[test]
    fn marks_become_marks_and_white_space_stands_outside() {
        assert_eq!(text("<b>b <i>i</i></b> <u>u</u> <del>d</del>"), "**b *i*** __u__ ~~d~~");
        assert_eq!(text("a<b> b </b>c"), "a **b** c");
        assert_eq!(text("<span data-mx-spoiler>s</span><b></b>"), "||s||");
        assert_eq!(text("<strong><em>x</em></strong>"), "***x***");
    }

    #[test]
    fn blocks_become_lines() {
        assert_eq!(text("<p>one</p><p>two</p>"), "one\n\ntwo");
        assert_eq!(text("x<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>y"), "x\n- a\n  - b\n- c\ny");
        assert_eq!(text("<ol start=\"3\"><li>c</li><li>d</li></ol>"), "3. c\n4. d");
        assert_eq!(text("<h1>T</h1>t<br>u<h4>v</h4>"), "# T\nt\nu\n\n**v**");
        assert_eq!(text("<blockquote><p>q</p><p>r</p></blockquote>a"), "> q\n> \n> r\na");
    }

    #[test]
    fn code_keeps_its_lines_and_language_and_is_never_escaped() {
        assert_eq!(text("<pre><code class=\"language-rust\">a*\n  b\n</code></pre>c"), "```rust\na*\n  b\n```\nc");
        assert_eq!(text("<code>a_b</code> <code>a`b</code>"), "`a_b` `` a`b ``");
        assert!(!text("<pre>```x</pre>").contains("\n```x"));
    }

    #[test]
    fn what_would_mark_something_is_escaped() {
        assert_eq!(text("a*b_c ~~d~~ ||e|| `f` [g](h) i\\j"), r"a\*b\_c \~\~d\~\~ \|\|e\|\| \`f\` \[g](h) i\\j");
        assert_eq!(escape_markdown("> a\n# b\n1. c\n- d\n-# e"), "\\> a\n\\# b\n1\\. c\n\\- d\n\\-# e");
        assert_eq!(
            escape_markdown("see https://x/a_b_c and <@5> <3 a|b ~c"),
            r"see https://x/a_b_c and \<@5> <3 a|b ~c"
        );
        assert_eq!(text("<p>&gt; no quote</p>"), "\\> no quote");
    }

    #[test]
    fn what_is_escaped_reads_as_it_was() {
        struct Nobody;
        impl crate::format::Names for Nobody {
            fn user(&self, _: u64) -> Option<(String, String)> {
                None
            }
            fn channel(&self, _: u64) -> Option<(String, String)> {
                None
            }
            fn role(&self, _: u64) -> Option<String> {
                None
            }
            fn emoji(&self, _: u64) -> Option<String> {
                None
            }
        }
        for plain in
            ["**a** _b_ `c`", "> q", "# h", "- l", "1. n", "[a](https://b)", "<@5>", "~~s~~ ||p||", r"\*", "a_b_c"]
        {
            let (_, html) = crate::format::to_html(&escape_markdown(plain), &Nobody);
            let html = html.unwrap_or_else(|| plain.replace('>', "&gt;"));
            assert_eq!(html, crate::format::escape(plain), "{plain:?}");
        }
    }

    #[test]
    fn links_pills_and_emoji() {
        assert_eq!(text("<a href=\"https://x.example/\">https://x.example</a>"), "https://x.example/");
        assert_eq!(text("see <a href=\"https://x/a(b)\">this</a>"), "see [this](https://x/a%28b%29)");
        let pill = read("<a href=\"https://matrix.to/#/%40discord_5%3Ax\">Bob</a>: hi");
        assert_eq!((pill.text.as_str(), pill.mentioned.as_slice()), ("<@5>: hi", [5].as_slice()));
        assert_eq!(text("<a href=\"https://matrix.to/#/@alice:x\">Alice</a>"), "Alice");
        assert_eq!(text("<a href=\"javascript:x\">y</a>"), "y");
        let emoji = "<img data-mx-emoticon src=\"mxc://x/y\" alt=\":fish:\"> <img alt=\":bird:\">";
        assert_eq!(text(emoji), "<:fish:8> :bird:");
    }

    #[test]
    fn broken_or_deep_html_does_no_harm() {
        assert_eq!(text("</b>a<b>b"), "a**b**");
        assert_eq!(text(&"<blockquote>".repeat(5000)), "");
        assert_eq!(text("<mx-reply>old <a href=\"https://matrix.to/#/@discord_5:x\">B</a></mx-reply>new"), "new");
    }
}
