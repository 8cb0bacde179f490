//! Discord's Markdown and Matrix's HTML, each from the other.

mod blocks;
mod from_html;
mod inline;
mod split;
mod tokens;

pub use blocks::to_html;
pub use from_html::{Markdown, escape_markdown, from_html};
pub use split::split;

/// Names behind the ids that a text holds, each with an address.
pub trait Names {
    fn user(&self, id: u64) -> Option<(String, String)>;
    fn channel(&self, id: u64) -> Option<(String, String)>;
    fn role(&self, id: u64) -> Option<String>;
    /// The `mxc://` URI of a custom emoji's picture.
    fn emoji(&self, id: u64) -> Option<String>;
}

/// The custom emoji in a text: id, and whether it moves.
pub fn emoji_in(text: &str) -> Vec<(u64, bool)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('<') {
        if let Some((tokens::Token::Emoji(_, id, moves), _)) = tokens::Token::read(&text[at..])
            && !found.contains(&(id, moves))
        {
            found.push((id, moves));
        }
    }
    found
}

/// Text as HTML, its lines kept.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    push_escaped(text, false, &mut out);
    out
}

fn push_escaped(text: &str, keeps_lines: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' if !keeps_lines => out.push_str("<br>"),
            c => out.push(c),
        }
    }
}
