//! A text longer than one message may be, as several.

use super::Formatted;
use crate::api::Entity;

/// Pieces of at most `most` UTF-16 code units, cut at the end of a line or between words where that can be, none of them
/// empty. An entity that is cut goes on in the next piece.
pub fn split(whole: &Formatted, most: usize) -> Vec<Formatted> {
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (whole.text.as_str(), 0);
    loop {
        let skipped: usize = rest.len() - rest.trim_start().len();
        from += super::units(&rest[..skipped]);
        rest = &rest[skipped..];
        if rest.is_empty() {
            return pieces;
        }
        let at = cut(rest, most);
        let text = rest[..at].trim_end();
        pieces.push(piece(whole, text, from));
        from += super::units(&rest[..at]);
        rest = &rest[at..];
    }
}

/// Where the next piece ends, in bytes.
fn cut(text: &str, most: usize) -> usize {
    let mut units = 0;
    let fits = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > most
    });
    let Some((end, _)) = fits else { return text.len() };
    // The place of a cut is not worth a tiny piece.
    let late = |at: usize| at * 2 > end;
    let line = text[..end].rfind('\n').filter(|at| late(*at));
    let word = || text[..end].rfind(char::is_whitespace).filter(|at| late(*at));
    line.or_else(word).unwrap_or(end).max(text.chars().next().map_or(1, char::len_utf8))
}

fn piece(whole: &Formatted, text: &str, from: usize) -> Formatted {
    let to = from + super::units(text);
    let within = |entity: &Entity| {
        let (begin, end) = (entity.offset.max(from), (entity.offset + entity.length).min(to));
        (begin < end).then(|| Entity { offset: begin - from, length: end - begin, ..entity.clone() })
    };
    Formatted { text: text.to_owned(), entities: whole.entities.iter().filter_map(within).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, most: usize) -> Vec<String> {
        split(&Formatted::plain(text), most).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn short_text_is_one_piece_and_blank_text_none() {
        assert_eq!(texts("a b", 10), ["a b"]);
        assert!(texts(" \n ", 10).is_empty());
    }

    #[test]
    fn cuts_are_at_lines_then_words_then_anywhere() {
        assert_eq!(texts("aaaa bbb\ncc dd", 11), ["aaaa bbb", "cc dd"]);
        assert_eq!(texts("aaaa bbbb cccc", 11), ["aaaa bbbb", "cccc"]);
        assert_eq!(texts("aaaaaaaa", 3), ["aaa", "aaa", "aa"]);
        assert_eq!(texts("🎈🎈🎈", 4), ["🎈🎈", "🎈"]);
        assert_eq!(texts("🎈🎈", 1), ["🎈", "🎈"], "no character is cut, whatever the limit");
    }

    #[test]
    fn an_entity_that_is_cut_goes_on() {
        let bold = Formatted::plain("🎈aa bbb").within("bold");
        let pieces = split(&bold, 5);
        let spans: Vec<_> =
            pieces.iter().map(|p| (p.text.as_str(), p.entities[0].offset, p.entities[0].length)).collect();
        assert_eq!(spans, [("🎈aa", 0, 4), ("bbb", 0, 3)]);
    }
}
