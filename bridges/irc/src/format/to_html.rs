//! mIRC codes to Matrix HTML.

use std::fmt::Write as _;

use super::colors;
use super::style::{Color, Style, runs};

/// The text without codes, and as HTML where it has any formatting.
pub fn to_html(line: &str) -> (String, Option<String>) {
    let (runs, _) = runs(line);
    let body: String = runs.iter().map(|(_, text)| text.as_str()).collect();
    if runs.iter().all(|(style, _)| *style == Style::default()) {
        return (body, None);
    }
    let mut html = String::with_capacity(line.len() * 2);
    for (style, text) in &runs {
        let (open, close) = tags(style);
        html.push_str(&open);
        escape(text, &mut html);
        html.push_str(&close);
    }
    (body, Some(html))
}

fn tags(style: &Style) -> (String, String) {
    let mut open = String::new();
    let mut close = String::new();
    let marks = [
        (style.bold, "b"),
        (style.italic, "i"),
        (style.underline, "u"),
        (style.strike, "del"),
        (style.monospace, "code"),
    ];
    for (_, tag) in marks.iter().filter(|(on, _)| *on) {
        open.push_str(&format!("<{tag}>"));
        close.insert_str(0, &format!("</{tag}>"));
    }
    let (mut foreground, mut background) = (style.foreground.and_then(rgb), style.background.and_then(rgb));
    if style.reverse {
        (foreground, background) = (background.or(Some(0xffffff)), foreground.or(Some(0)));
    }
    if foreground.is_some() || background.is_some() {
        open.push_str("<span");
        for (name, color) in [("data-mx-color", foreground), ("data-mx-bg-color", background)] {
            if let Some(color) = color {
                _ = write!(open, " {name}=\"#{color:06x}\"");
            }
        }
        open.push('>');
        close.insert_str(0, "</span>");
    }
    (open, close)
}

fn rgb(color: Color) -> Option<u32> {
    match color {
        Color::Code(code) => colors::rgb(code),
        Color::Rgb(rgb) => Some(rgb),
    }
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_html() {
        assert_eq!(to_html("a < b"), ("a < b".to_owned(), None));
    }

    #[test]
    fn overlapping_codes_nest_properly_and_text_is_escaped() {
        let (body, html) = to_html("\u{2}a\u{1d}<b>\u{2}c\u{f}d");
        assert_eq!(body, "a<b>cd");
        assert_eq!(html.as_deref(), Some("<b>a</b><b><i>&lt;b&gt;</i></b><i>c</i>d"));
    }

    #[test]
    fn colors_become_matrix_attributes() {
        assert_eq!(
            to_html("\u{3}4,1x\u{3} y").1.as_deref(),
            Some("<span data-mx-color=\"#ff0000\" data-mx-bg-color=\"#000000\">x</span> y")
        );
        assert_eq!(to_html("\u{4}0A0B0Cx").1.as_deref(), Some("<span data-mx-color=\"#0a0b0c\">x</span>"));
        assert_eq!(
            to_html("\u{16}x").1.as_deref(),
            Some("<span data-mx-color=\"#ffffff\" data-mx-bg-color=\"#000000\">x</span>")
        );
    }
}
