//! Whether patterns have an id in common: a walk through the product of their automata.

use std::collections::{HashMap, VecDeque};

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, Input, MatchKind};

use crate::pattern::{literal_prefix, translate};

/// The automata or their product grew past the limits.
#[derive(Debug, PartialEq, Eq)]
struct TooLarge;

const STATES: usize = 200_000;

/// An id that both patterns match and that begins with `sigil` and, when given, ends with the server's name.
///
/// Exact where the automata stay small; for the others an answer from the patterns' literal beginnings, which errs on the
/// side of "they overlap".
pub(crate) fn common_id(one: &str, other: &str, sigil: char, server_name: Option<&str>) -> Option<String> {
    let (begins, other_begins) = (literal_prefix(one), literal_prefix(other));
    if !begins.starts_with(&other_begins) && !other_begins.starts_with(&begins) {
        return None;
    }
    let shape = match server_name {
        Some(name) => format!("{sigil}[^:]+:{}$", regex::escape(name)),
        None => format!("{sigil}[^:]+:.+"),
    };
    match walk(&[one, other, &shape]) {
        Ok(found) => found,
        Err(TooLarge) => {
            let longer = if begins.len() > other_begins.len() { begins } else { other_begins };
            Some(format!("{longer}…"))
        }
    }
}

/// In each automaton a state, or `None` once it has matched: a pattern need not match to the end of an id.
type Joint = Vec<Option<StateID>>;

fn walk(patterns: &[&str]) -> Result<Option<String>, TooLarge> {
    let automata: Vec<_> = patterns.iter().map(|pattern| automaton(pattern)).collect::<Result<_, _>>()?;
    let start: Joint = automata
        .iter()
        .map(|dfa| dfa.start_state_forward(&Input::new("").anchored(Anchored::Yes)).map(Some).map_err(|_| TooLarge))
        .collect::<Result<_, _>>()?;

    // breadth first, so the example is a shortest one; readable bytes first, so it looks like an id
    let bytes: Vec<u8> =
        (b'a'..=b'z').chain(b'0'..=b'9').chain(b'!'..=b'/').chain(b':'..=b'`').chain(b'{'..=0xff).collect();
    let mut seen: HashMap<Joint, usize> = HashMap::from([(start.clone(), 0)]);
    let mut path: Vec<(usize, u8)> = vec![(0, 0)];
    let mut queue = VecDeque::from([(start, 0)]);
    while let Some((joint, at)) = queue.pop_front() {
        let ends_here = joint.iter().zip(&automata).all(|(state, dfa)| match state {
            None => true,
            Some(state) => dfa.is_match_state(dfa.next_eoi_state(*state)),
        });
        if ends_here {
            return Ok(Some(spell(&path, at)));
        }
        'bytes: for &byte in &bytes {
            let mut next = Joint::with_capacity(joint.len());
            for (state, dfa) in joint.iter().zip(&automata) {
                next.push(match state {
                    None => None,
                    Some(state) => {
                        let state = dfa.next_state(*state, byte);
                        if dfa.is_match_state(state) {
                            None
                        } else if dfa.is_dead_state(state) || dfa.is_quit_state(state) {
                            continue 'bytes;
                        } else {
                            Some(state)
                        }
                    }
                });
            }
            if seen.contains_key(&next) {
                continue;
            }
            if path.len() >= STATES {
                return Err(TooLarge);
            }
            path.push((at, byte));
            seen.insert(next.clone(), path.len() - 1);
            queue.push_back((next, path.len() - 1));
        }
    }
    Ok(None)
}

fn automaton(pattern: &str) -> Result<dense::DFA<Vec<u32>>, TooLarge> {
    let translated = translate(pattern).map_err(|_| TooLarge)?;
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                .match_kind(MatchKind::All)
                .dfa_size_limit(Some(8 << 20))
                .determinize_size_limit(Some(16 << 20)),
        )
        .build(&translated)
        .map_err(|_| TooLarge)
}

fn spell(path: &[(usize, u8)], mut at: usize) -> String {
    let mut bytes = Vec::new();
    while at != 0 {
        let (before, byte) = path[at];
        bytes.push(byte);
        at = before;
    }
    bytes.reverse();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_come_with_an_example_both_match() {
        for (one, other) in [
            ("@irc_.*", "@irc_.*"),
            ("@irc_.*", r"^@irc_[a-z]+:h$"),
            ("@.*_irc:h", "@x_.*:h"),
            (r"@a.*b:h", r"@ab.*:h"),
            ("@.*:h", "@telegram_.*"),
            (r"@(foo|bar)_.*", r"@bar_[0-9]{3,}:h"),
        ] {
            let id = common_id(one, other, '@', Some("h")).unwrap_or_else(|| panic!("{one} and {other} overlap"));
            for pattern in [one, other] {
                assert!(regex::Regex::new(&translate(pattern).unwrap()).unwrap().is_match(&id), "{pattern} on {id}");
            }
            assert!(id.starts_with('@') && id.ends_with(":h"), "{id}");
        }
    }

    #[test]
    fn patterns_without_a_common_id_do_not_overlap() {
        for (one, other) in [
            ("@irc_.*", "@telegram_.*"),
            ("@irc_.*", "@irc-.*"),
            ("@telegrambot:h", "@telegram_.*:h"),
            (r"@a_[0-9]+:h", r"@a_[a-z]+:h"),
            ("@irc_.*:other", "@irc_.*"),
            ("@irc_.*", r"^@irc_x:other\.server$"),
        ] {
            assert_eq!(common_id(one, other, '@', Some("h")), None, "{one} and {other}");
        }
    }

    #[test]
    fn without_a_server_name_any_server_counts() {
        assert!(common_id("@irc_.*:other", "@irc_.*", '@', None).is_some());
    }

    #[test]
    fn patterns_too_large_for_the_walk_are_compared_by_their_beginnings() {
        let wide = r"@a_(\w{40}x){3}.*";
        assert_eq!(common_id(wide, r"@b_\w+", '@', Some("h")), None);
    }
}
