//! Marks within a line (or several).

use super::tokens::{Token, is_url};
use super::{Names, push_escaped};

/// Deeper nesting than this is text without further marks.
const MAX_DEPTH: usize = 12;

/// The marks that enclose a text, the longer ones first, and what they are in HTML.
const MARKS: [(&str, &str, &str); 6] = [
    ("**", "<strong>", "</strong>"),
    ("__", "<u>", "</u>"),
    ("~~", "<del>", "</del>"),
    ("||", "<span data-mx-spoiler>", "</span>"),
    ("*", "<em>", "</em>"),
    ("_", "<em>", "</em>"),
];

/// Writes a text as HTML; answers whether anything in it is marked.
pub(super) fn inline(text: &str, names: &dyn Names, depth: usize, out: &mut String) -> bool {
    let (mut at, mut plain, mut is_marked) = (0, 0, false);
    macro_rules! flush {
        ($to:expr) => {
            push_escaped(&text[plain..$to], false, out)
        };
    }
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        match first {
            '\\' if rest[1..].starts_with(|c: char| c.is_ascii_punctuation()) => {
                flush!(at);
                plain = at + 1;
                at += 2;
                is_marked = true;
            }
            '`' => {
                let (content, length) = code(rest);
                if let Some(content) = content {
                    flush!(at);
                    out.push_str("<code>");
                    push_escaped(content, true, out);
                    out.push_str("</code>");
                    (plain, is_marked) = (at + length, true);
                }
                at += length;
            }
            '<' => match Token::read(rest) {
                Some((Token::Emoji(name, id, _), length)) if names.emoji(id).is_some() => {
                    flush!(at);
                    let name = name.replace('"', "");
                    let uri = names.emoji(id).unwrap_or_default();
                    out.push_str(&format!(
                        "<img data-mx-emoticon src=\"{uri}\" alt=\":{name}:\" title=\":{name}:\" height=\"32\">"
                    ));
                    at += length;
                    (plain, is_marked) = (at, true);
                }
                Some((token, length)) => {
                    flush!(at);
                    let (words, link) = token.words(names);
                    if let Some(link) = &link {
                        out.push_str("<a href=\"");
                        push_escaped(link, true, out);
                        out.push_str("\">");
                    }
                    push_escaped(&words, false, out);
                    if link.is_some() {
                        out.push_str("</a>");
                        is_marked = true;
                    }
                    at += length;
                    plain = at;
                }
                None => at += 1,
            },
            '[' => match masked_link(rest) {
                Some((label, url, length)) if depth < MAX_DEPTH => {
                    flush!(at);
                    out.push_str("<a href=\"");
                    push_escaped(url, true, out);
                    out.push_str("\">");
                    inline(label, names, depth + 1, out);
                    out.push_str("</a>");
                    at += length;
                    (plain, is_marked) = (at, true);
                }
                _ => at += 1,
            },
            // An address is no place for marks.
            'h' if is_url(rest.split(|c: char| c.is_whitespace() || c == '<').next().unwrap_or_default()) => {
                at += rest.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(rest.len());
            }
            '*' | '_' | '~' | '|' => match marked(text, at).filter(|_| depth < MAX_DEPTH) {
                Some((begin, content, end, length)) => {
                    flush!(at);
                    out.push_str(begin);
                    inline(content, names, depth + 1, out);
                    out.push_str(end);
                    at += length;
                    (plain, is_marked) = (at, true);
                }
                None => at += rest.chars().take_while(|c| *c == first).count(),
            },
            c => at += c.len_utf8(),
        }
    }
    flush!(text.len());
    is_marked
}

/// The content of a span of code, and its length; `None` and that of the ticks where they are not closed.
fn code(text: &str) -> (Option<&str>, usize) {
    let ticks = text.bytes().take_while(|b| *b == b'`').count();
    let mut from = ticks;
    while let Some(found) = text[from..].find('`') {
        let run = text[from + found..].bytes().take_while(|b| *b == b'`').count();
        if run == ticks {
            let content = &text[ticks..from + found];
            let bare = content.strip_prefix(' ').and_then(|c| c.strip_suffix(' ')).filter(|c| !c.trim().is_empty());
            return (Some(bare.filter(|_| ticks > 1).unwrap_or(content)), from + found + run);
        }
        from += found + run;
    }
    (None, ticks)
}

/// `[label](address)`
fn masked_link(text: &str) -> Option<(&str, &str, usize)> {
    let middle = text.find("](")?;
    let label = &text[1..middle];
    let rest = &text[middle + 2..];
    let end = rest.find(')')?;
    let url = rest[..end].split_whitespace().next()?;
    let url = url.strip_prefix('<').and_then(|url| url.strip_suffix('>')).unwrap_or(url);
    (!label.trim().is_empty() && !label.contains(['\n', '[']) && is_url(url)).then_some((
        label,
        url,
        middle + 2 + end + 1,
    ))
}

/// The marked text that begins here: how it begins in HTML, what is in it, how it ends, and its whole length.
fn marked(text: &str, at: usize) -> Option<(&'static str, &str, &'static str, usize)> {
    let rest = &text[at..];
    for (mark, begin, end) in MARKS {
        let Some(inner) = rest.strip_prefix(mark) else { continue };
        // A star before a space is a star, and `_` within a word a part of it.
        if mark.len() == 1 && inner.starts_with(char::is_whitespace)
            || mark == "_" && text[..at].ends_with(|c: char| c.is_alphanumeric())
        {
            continue;
        }
        let is_letter = |c: char| c.is_whitespace() || mark.starts_with(c);
        if let Some(close) = closing(inner, mark)
            && !inner[..close].trim_matches(is_letter).is_empty()
        {
            return Some((begin, &inner[..close], end, mark.len() + close + mark.len()));
        }
    }
    None
}

/// Where the mark that ends a text stands. Code and what is escaped hold none.
fn closing(text: &str, mark: &str) -> Option<usize> {
    let letter = mark.as_bytes()[0];
    let mut at = 0;
    while at < text.len() {
        match text.as_bytes()[at] {
            b'\\' => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            b'`' => at += code(&text[at..]).1,
            byte if byte == letter => {
                let run = text[at..].bytes().take_while(|b| *b == letter).count();
                let behind = &text[at + run..];
                let is_in_word = mark == "_" && behind.starts_with(|c: char| c.is_alphanumeric());
                let fits = match (mark.len(), run) {
                    // Two of them are another mark's, three both's.
                    (1, run) => run % 2 == 1,
                    (wanted, run) => run >= wanted,
                };
                let close = at + run.saturating_sub(mark.len());
                let is_loose = mark.len() == 1 && text[..close].ends_with(char::is_whitespace);
                if fits && !is_in_word && !is_loose && close > 0 {
                    return Some(close);
                }
                at += run;
            }
            _ => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    None
}
