//! A text longer than one message may be, as several.

const FENCE: &str = "```";

/// Pieces of at most `most` characters, cut at the end of a line or between words where that can be, none of them empty. A
/// block of code that is cut is closed, and opened anew in the next piece.
pub fn split(text: &str, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_end();
    let mut opening: Option<String> = None;
    loop {
        let begin = opening.as_ref().map(|line| format!("{line}\n")).unwrap_or_default();
        let body = if opening.is_some() { rest.trim_start_matches('\n') } else { rest.trim_start() };
        if body.trim().is_empty() {
            return pieces;
        }
        // Room for what closes a block, in case.
        let room = most.saturating_sub(begin.chars().count() + FENCE.len() + 1).max(1);
        let is_last = body.chars().count() + begin.chars().count() <= most;
        let at = if is_last { body.len() } else { cut(body, room) };
        let mut piece = begin + body[..at].trim_end();
        rest = &body[at..];
        opening = open_block(&piece);
        if opening.is_some() && !is_last {
            piece.push('\n');
            piece.push_str(FENCE);
        }
        if !piece.trim().is_empty() {
            pieces.push(piece);
        }
        if is_last {
            return pieces;
        }
    }
}

/// Where the next piece ends, in bytes.
fn cut(text: &str, most: usize) -> usize {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.len() };
    // The place of a cut is not worth a tiny piece.
    let late = |at: &usize| at * 2 > end;
    let line = text[..end].rfind('\n').filter(late);
    let word = || text[..end].rfind(char::is_whitespace).filter(late);
    line.or_else(word).unwrap_or(end).max(text.chars().next().map_or(1, char::len_utf8))
}

/// The line that opens the block of code in which a piece ends, if it ends in one.
fn open_block(piece: &str) -> Option<String> {
    let mut at = None;
    let mut from = 0;
    while let Some(found) = piece[from..].find(FENCE) {
        at = if at.is_some() { None } else { Some(from + found) };
        from += found + FENCE.len();
    }
    let line = piece[at?..].lines().next().unwrap_or(FENCE);
    Some(if line.len() <= 30 && !line.contains(' ') { line.to_owned() } else { FENCE.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_one_piece_and_blank_text_none() {
        assert_eq!(split("a b", 10), ["a b"]);
        assert!(split(" \n ", 10).is_empty());
        assert_eq!(split(&"a".repeat(2000), 2000).len(), 1);
    }

    #[test]
    fn cuts_are_at_lines_then_words_then_anywhere() {
        assert_eq!(split("aaaa bbb\ncc dd", 14), ["aaaa bbb\ncc dd"]);
        assert_eq!(split("aaaa bbb\ncc dd e", 15), ["aaaa bbb", "cc dd e"]);
        let pieces = split(&"a".repeat(50), 20);
        assert!(pieces.iter().all(|piece| piece.len() <= 20) && pieces.concat().len() == 50, "{pieces:?}");
        assert!(split("🎈🎈🎈🎈🎈🎈", 5).iter().all(|piece| piece.chars().count() <= 5));
    }

    #[test]
    fn a_block_of_code_that_is_cut_is_closed_and_opened_anew() {
        let pieces = split("```rust\nlet a = 1;\nlet b = 2;\nlet c = 3;\n```", 35);
        assert_eq!(pieces, ["```rust\nlet a = 1;\nlet b = 2;\n```", "```rust\nlet c = 3;\n```"]);
    }
}
