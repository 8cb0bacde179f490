//! Cutting text into lines that the network takes whole.

use crate::format;

/// Below this many bytes a budget is meaningless (an absurdly long prefix); lines are cut there all the same.
const LEAST: usize = 32;

/// Cuts `text` (one line, with formatting codes) into pieces of at most `max` bytes: at a word's end where there is one
/// in the last third, else between characters. Formatting that is on at a cut is opened again behind it.
pub fn split(text: &str, max: usize) -> Vec<String> {
    let max = max.max(LEAST);
    let mut pieces = Vec::new();
    let mut rest = text.to_owned();
    while rest.len() > max {
        let cut = cut_at(&rest, max);
        let (piece, after) = rest.split_at(cut);
        let codes = format::active_at_end(piece).codes();
        let next = codes + after.trim_start_matches(' ');
        pieces.push(piece.trim_end_matches(' ').to_owned());
        // Codes alone must not make it grow for ever.
        rest = if next.len() < rest.len() { next } else { after.trim_start_matches(' ').to_owned() };
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn cut_at(text: &str, max: usize) -> usize {
    let limit = text.floor_char_boundary(max);
    // A space right at the limit is a word's end too.
    let window = if text.as_bytes().get(limit) == Some(&b' ') { limit + 1 } else { limit };
    if let Some(space) = text[..window].rfind(' ').filter(|space| *space >= max * 2 / 3) {
        return space;
    }
    limit
}

/// How many bytes of text a line `:source COMMAND target :text` leaves, where the server writes the source in front and
/// a line has `linelen` bytes with CRLF.
pub fn room_for_text(linelen: usize, source: usize, command: &str, target: &str) -> usize {
    linelen.saturating_sub(2 + 1 + source + 1 + command.len() + 1 + target.len() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_stays_one_line_and_none_is_none() {
        assert_eq!(split("hello world", 40), ["hello world"]);
        assert!(split("", 40).is_empty());
    }

    #[test]
    fn words_are_kept_whole_where_possible() {
        let text = "the quick brown fox jumps over the lazy dog and goes on running";
        let pieces = split(text, 40);
        assert_eq!(pieces, ["the quick brown fox jumps over the lazy", "dog and goes on running"]);
    }

    #[test]
    fn characters_are_never_cut() {
        let text = "ä€😀".repeat(60);
        let pieces = split(&text, 50);
        assert!(pieces.iter().all(|p| p.len() <= 50 && !p.is_empty()));
        assert_eq!(pieces.concat(), text);
    }

    #[test]
    fn formatting_goes_on_after_a_cut() {
        let pieces = split(&format!("\u{2}{}", "x".repeat(60)), 40);
        assert_eq!(pieces.len(), 2);
        assert!(pieces[1].starts_with('\u{2}'));
        assert_eq!(pieces.iter().map(|p| format::plain(p)).collect::<String>(), "x".repeat(60));
    }

    #[test]
    fn any_text_comes_to_an_end_within_the_limit() {
        for text in ["\u{3}04,12".repeat(500), " ".repeat(500), "\u{2}\u{1d}\u{4}FF0000,00FF00 ".repeat(90)] {
            assert!(split(&text, 33).iter().all(|p| p.len() <= 33));
        }
    }

    #[test]
    fn the_budget_is_what_the_relayed_line_leaves_of_512() {
        let budget = room_for_text(512, "nick!user@host.example".len(), "PRIVMSG", "#chan");
        let line = format!(":nick!user@host.example PRIVMSG #chan :{}\r\n", "x".repeat(budget));
        assert_eq!(line.len(), 512);
    }
}
