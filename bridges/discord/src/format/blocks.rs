//! Discord's Markdown to Matrix HTML: lines, quotes, lists, headings, blocks of code.

use super::inline::inline;
use super::tokens::Token;
use super::{Names, push_escaped};

/// Deeper nesting than this is text without further marks.
const MAX_DEPTH: usize = 8;

/// The text with names in place of ids; and as HTML, where that says more.
pub fn to_html(text: &str, names: &dyn Names) -> (String, Option<String>) {
    let mut html = String::new();
    let mut writer = Writer { names, out: &mut html, is_marked: false };
    writer.blocks(text, 0);
    let is_marked = writer.is_marked;
    (named(text, names), is_marked.then_some(html))
}

/// Names in place of ids; the marks stay.
fn named(text: &str, names: &dyn Names) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match Token::read(rest) {
            Some((token, length)) => {
                out.push_str(&token.words(names).0);
                rest = &rest[length..];
            }
            None => {
                out.push('<');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

struct Writer<'a> {
    names: &'a dyn Names,
    out: &'a mut String,
    is_marked: bool,
}

/// A line of a list: how far it is indented, its number, and what it says.
struct Item<'a> {
    indent: usize,
    number: Option<u64>,
    text: &'a str,
}

impl Writer<'_> {
    fn blocks(&mut self, text: &str, depth: usize) {
        // `from`: where the paragraph under way has begun.
        let (mut at, mut from) = (0, 0);
        while at < text.len() {
            let rest = &text[at..];
            let line = rest.find('\n').unwrap_or(rest.len());
            let items = list(rest);
            if let Some((inner, length)) = quote(rest).filter(|_| depth < MAX_DEPTH) {
                self.paragraph(&text[from..at]);
                self.element("blockquote", |writer| writer.blocks(&inner, depth + 1));
                at += length;
            } else if !items.is_empty() {
                self.paragraph(&text[from..at]);
                self.list(&items, depth);
                at += rest.split_inclusive('\n').take(items.len()).map(str::len).sum::<usize>();
            } else if let Some((tag, said)) = heading(&rest[..line]) {
                self.paragraph(&text[from..at]);
                self.element(tag, |writer| writer.inline(said));
                at = (at + line + 1).min(text.len());
            } else if let Some((before, language, code, length)) = fence(rest, line) {
                self.paragraph(&text[from..at + before]);
                self.code(language, code);
                at += length;
                at += usize::from(text[at..].starts_with('\n'));
            } else {
                at = (at + line + 1).min(text.len());
                continue;
            }
            from = at;
        }
        self.paragraph(&text[from..]);
    }

    fn paragraph(&mut self, text: &str) {
        self.inline(text.strip_suffix('\n').unwrap_or(text));
    }

    fn inline(&mut self, text: &str) {
        self.is_marked |= inline(text, self.names, 0, self.out);
    }

    fn element(&mut self, tag: &str, content: impl FnOnce(&mut Self)) {
        self.is_marked = true;
        self.out.push_str(&format!("<{tag}>"));
        content(self);
        self.out.push_str(&format!("</{tag}>"));
    }

    fn code(&mut self, language: &str, code: &str) {
        self.is_marked = true;
        match language {
            "" => self.out.push_str("<pre><code>"),
            language => self.out.push_str(&format!("<pre><code class=\"language-{language}\">")),
        }
        push_escaped(code, true, self.out);
        self.out.push_str("</code></pre>");
    }

    /// Items that are indented further than the first are lists within.
    fn list(&mut self, items: &[Item<'_>], depth: usize) {
        let Some(first) = items.first() else { return };
        self.is_marked = true;
        let tag = if first.number.is_some() { "ol" } else { "ul" };
        match first.number.filter(|number| *number != 1) {
            Some(start) => self.out.push_str(&format!("<ol start=\"{start}\">")),
            None => self.out.push_str(&format!("<{tag}>")),
        }
        let mut at = 0;
        while let Some(item) = items.get(at) {
            let within = items[at + 1..].iter().take_while(|other| other.indent > first.indent).count();
            self.out.push_str("<li>");
            self.inline(item.text);
            if within > 0 {
                match depth < MAX_DEPTH {
                    true => self.list(&items[at + 1..=at + within], depth + 1),
                    false => items[at + 1..=at + within].iter().for_each(|item| {
                        self.out.push_str("<br>");
                        self.inline(item.text);
                    }),
                }
            }
            self.out.push_str("</li>");
            at += 1 + within;
        }
        self.out.push_str(&format!("</{tag}>"));
    }
}

/// The quoted lines at the beginning of a text, and their length there.
fn quote(text: &str) -> Option<(String, usize)> {
    if let Some(all) = text.strip_prefix(">>> ") {
        return Some((all.to_owned(), text.len()));
    }
    let (mut inner, mut length) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        let Some(quoted) = bare.strip_prefix("> ").or((bare == ">").then_some("")) else { break };
        inner.push(quoted);
        length += line.len();
    }
    (!inner.is_empty()).then(|| (inner.join("\n"), length))
}

fn heading(line: &str) -> Option<(&'static str, &str)> {
    let marks = [("# ", "h1"), ("## ", "h2"), ("### ", "h3"), ("-# ", "sub")];
    marks.into_iter().find_map(|(mark, tag)| {
        let text = line.strip_prefix(mark)?.trim();
        (!text.is_empty()).then_some((tag, text))
    })
}

/// The items of the list at the beginning of a text.
fn list(text: &str) -> Vec<Item<'_>> {
    text.lines().map_while(item).collect()
}

fn item(line: &str) -> Option<Item<'_>> {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    if let Some(text) =
        text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")).filter(|text| !text.trim().is_empty())
    {
        return Some(Item { indent, number: None, text });
    }
    let (number, text) = text.split_once(". ")?;
    let is_number = !number.is_empty() && number.len() <= 9 && number.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| number.parse().ok()).flatten()?;
    (!text.trim().is_empty()).then_some(Item { indent, number: Some(number), text })
}

/// A block of code that begins within the first `line` bytes: where, its language, its content, and where it ends.
fn fence(text: &str, line: usize) -> Option<(usize, &str, &str, usize)> {
    let open = text[..line].find("```")?;
    let inner = &text[open + 3..];
    let close = inner.find("```")?;
    let content = &inner[..close];
    let is_language =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "+-#_.".contains(c));
    let (language, code) = match content.split_once('\n') {
        Some((first, rest)) if is_language(first) => (first, rest),
        Some(("", rest)) => ("", rest),
        _ => ("", content),
    };
    let code = code.strip_suffix('\n').unwrap_or(code);
    (!content.trim().is_empty()).then_some((open, language, code, open + 3 + close + 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Names for Known {
        fn user(&self, id: u64) -> Option<(String, String)> {
            (id == 5).then(|| ("Bob".to_owned(), "https://matrix.to/#/@discord_5:x".to_owned()))
        }
        fn channel(&self, id: u64) -> Option<(String, String)> {
            (id == 6).then(|| ("#quay".to_owned(), "https://matrix.to/#/!r:x".to_owned()))
        }
        fn role(&self, id: u64) -> Option<String> {
            (id == 7).then(|| "crew".to_owned())
        }
        fn emoji(&self, id: u64) -> Option<String> {
            (id == 9).then(|| "mxc://x/fish".to_owned())
        }
    }

    fn html(text: &str) -> String {
        to_html(text, &Known).1.unwrap_or_else(|| format!("plain: {text}"))
    }

    #[test]
    fn text_without_marks_needs_no_html() {
        for plain in
            ["a\nb", "2 * 3 * 4", "snake_case_word", "a ** b", "x_", "**", "****", "``", "https://x/_a_b_ ok", "1.5"]
        {
            assert_eq!(to_html(plain, &Known).1, None, "{plain:?}");
        }
    }

    #[test]
    fn marks_nest() {
        assert_eq!(
            html("**b *i* __u__** ~~s~~ ||x||"),
            "<strong>b <em>i</em> <u>u</u></strong> <del>s</del> <span data-mx-spoiler>x</span>"
        );
        assert_eq!(html("***both***"), "<strong><em>both</em></strong>");
        assert_eq!(html("*a **b** c*"), "<em>a <strong>b</strong> c</em>");
        assert_eq!(html("**a *b***"), "<strong>a <em>b</em></strong>");
        assert_eq!(html("_i_ not_i_"), "<em>i</em> not_i_");
        assert_eq!(html("**a\nb**"), "<strong>a<br>b</strong>");
    }

    #[test]
    fn code_and_what_is_escaped_hold_no_marks() {
        assert_eq!(html("`*a* <b>`"), "<code>*a* &lt;b&gt;</code>");
        assert_eq!(html("`` a`b ``"), "<code>a`b</code>");
        assert_eq!(html(r"\*a\* **b\***"), "*a* <strong>b*</strong>");
        assert_eq!(
            html("x\n```rust\nfn *a*\n\n  b\n```\ny"),
            "x<pre><code class=\"language-rust\">fn *a*\n\n  b</code></pre>y"
        );
        assert_eq!(html("```one line```"), "<pre><code>one line</code></pre>");
        assert_eq!(html("```\"><b>\nx```"), "<pre><code>&quot;&gt;&lt;b&gt;\nx</code></pre>");
    }

    #[test]
    fn blocks_are_blocks() {
        assert_eq!(html("> a\n> **b**\nc"), "<blockquote>a<br><strong>b</strong></blockquote>c");
        assert_eq!(html("x\n>>> a\nb"), "x<blockquote>a<br>b</blockquote>");
        assert_eq!(html("# T\n## U\n-# small\nx"), "<h1>T</h1><h2>U</h2><sub>small</sub>x");
        assert_eq!(html("- a\n  - b\n- c\nd"), "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>d");
        assert_eq!(html("3. a\n4. b"), "<ol start=\"3\"><li>a</li><li>b</li></ol>");
    }

    #[test]
    fn names_stand_for_ids() {
        let (body, html) = to_html("<@5> <@!9> <#6> <@&7> <:fish:8> <t:0:R> <https://x>", &Known);
        assert_eq!(body, "@Bob @9 #quay @crew :fish: 1970-01-01 00:00 UTC https://x");
        assert_eq!(
            html.unwrap(),
            "<a href=\"https://matrix.to/#/@discord_5:x\">@Bob</a> @9 <a href=\"https://matrix.to/#/!r:x\">#quay</a> @crew :fish: \
             1970-01-01 00:00 UTC https://x"
        );
    }

    #[test]
    fn custom_emoji_are_pictures_where_they_are_here() {
        let img = "<img data-mx-emoticon src=\"mxc://x/fish\" alt=\":fish:\" title=\":fish:\" height=\"32\">";
        let (body, html) = to_html("**a** <:fish:9> <a:bird:8>", &Known);
        assert_eq!((body.as_str(), html), ("**a** :fish: :bird:", Some(format!("<strong>a</strong> {img} :bird:"))));
        assert_eq!(crate::format::emoji_in("<:fish:9><a:bird:8> <:fish:9> <@5>"), [(9, false), (8, true)]);
    }

    #[test]
    fn links_have_their_address_where_it_is_one() {
        assert_eq!(html("[a *b*](https://x/?a=\"b)"), "<a href=\"https://x/?a=&quot;b\">a <em>b</em></a>");
        assert_eq!(html("[a](<https://x>)"), "<a href=\"https://x\">a</a>");
        assert_eq!(html("[a](javascript:x)"), "plain: [a](javascript:x)");
    }

    #[test]
    fn broken_or_deep_marks_do_no_harm() {
        for text in ["**a", "||", "[a](", "<@", "```", "> ```", "\\", "`a", "*a**b***c****", "🎈*🎈*🎈"] {
            to_html(text, &Known);
        }
        for unit in ["> ", "*a ", "**", "_", "[", "`", "- ", "||a", "~~~", "\\", "<", "*_"] {
            let text = unit.repeat(4000 / unit.len());
            to_html(&text, &Known);
        }
    }
}
