//! Where in a registration file something stands. The YAML model keeps no places, so they are found by key.

/// The line (from 1) of the `number`th (from 0) occurrence of `key` as a key.
pub(crate) fn of_key(text: &str, key: &str, number: usize) -> Option<usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            let line = line.trim_start_matches([' ', '\t', '-', '{', '[', ',']);
            line.strip_prefix(['"', '\''])
                .unwrap_or(line)
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
        })
        .nth(number)
        .map(|(at, _)| at + 1)
        // JSON on one line
        .or_else(|| (text.lines().count() == 1).then_some(1))
}
