//! Namespace patterns as bridges write them: Python or Go flavored, matched from the start of the full id.

/// Why a namespace's regular expression is refused; every text names the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("look-around `{0}` cannot be matched in linear time; write what the ids do have in common instead")]
    LookAround(String),
    #[error("back-reference `{0}` cannot be matched in linear time; write the repeated part out")]
    BackReference(String),
    #[error("too large once its repetitions are unfolded; use `*` or `+` instead of the large counts")]
    TooLarge,
    #[error("not a regular expression: {0}")]
    Syntax(String),
}

/// How large one namespace list may get once compiled, in bytes.
pub(crate) const SIZE_LIMIT: usize = 4 << 20;

/// The same pattern in the words of the regex crate, anchored at the start of the id.
///
/// What differs from Python and Go: `\Z`, and `[`, `&` and `~` inside a class, which are literals there.
pub(crate) fn translate(source: &str) -> Result<String, PatternError> {
    let mut out = String::with_capacity(source.len() + 8);
    out.push_str("^(?:");
    let mut chars = source.char_indices().peekable();
    // Some(n): inside a class, n characters after its opening
    let mut class: Option<usize> = None;
    while let Some((at, c)) = chars.next() {
        match (c, &mut class) {
            ('\\', _) => {
                let escaped = chars.next().map(|(_, c)| c).ok_or_else(|| {
                    PatternError::Syntax("a lone `\\` at the end; write `\\\\` for a backslash".to_owned())
                })?;
                match escaped {
                    'Z' if class.is_none() => out.push_str(r"\z"),
                    '1'..='9' if class.is_none() => return Err(PatternError::BackReference(format!("\\{escaped}"))),
                    other => out.extend(['\\', other]),
                }
                if let Some(count) = &mut class {
                    *count += 1;
                }
            }
            ('[', None) => {
                class = Some(0);
                out.push('[');
                if let Some((_, '^')) = chars.peek() {
                    chars.next();
                    out.push('^');
                }
            }
            (']', Some(count)) if *count > 0 => {
                class = None;
                out.push(']');
            }
            ('[', Some(count)) if !source[at..].starts_with("[:") => {
                *count += 1;
                out.push_str(r"\[");
            }
            ('&' | '~', Some(count)) => {
                *count += 1;
                out.extend(['\\', c]);
            }
            (c, Some(count)) => {
                *count += 1;
                out.push(c);
            }
            ('(', None) => {
                for look in ["(?=", "(?!", "(?<=", "(?<!"] {
                    if source[at..].starts_with(look) {
                        return Err(PatternError::LookAround(look.to_owned()));
                    }
                }
                if source[at..].starts_with("(?P=") {
                    return Err(PatternError::BackReference("(?P=".to_owned()));
                }
                out.push('(');
            }
            (c, None) => out.push(c),
        }
    }
    out.push(')');
    match regex::RegexBuilder::new(&out).size_limit(SIZE_LIMIT).build() {
        Ok(_) => Ok(out),
        Err(regex::Error::CompiledTooBig(_)) => Err(PatternError::TooLarge),
        Err(error) => Err(PatternError::Syntax(reason(source, &error))),
    }
}

/// The last line of the parser's answer says what is wrong; the rest is a drawing of our translation.
fn reason(source: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let what = last.strip_prefix("error: ").unwrap_or(last);
    let mend = if source.contains('{') && what.contains("repetition") {
        r"write `\{` for a brace"
    } else {
        r"write `\` before what is meant as it stands, or close what is open"
    };
    format!("{what}; {mend}")
}

/// The characters every match begins with.
pub(crate) fn literal_prefix(source: &str) -> String {
    let mut prefix = String::new();
    let mut chars = source.strip_prefix('^').unwrap_or(source).chars().peekable();
    while let Some(c) = chars.next() {
        let literal = match c {
            '\\' => match chars.next() {
                Some(escaped) if !escaped.is_ascii_alphanumeric() => escaped,
                _ => break,
            },
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => break,
            other => other,
        };
        if matches!(chars.peek(), Some('*' | '?' | '{')) {
            break;
        }
        prefix.push(literal);
    }
    // an alternative may begin otherwise
    if source.contains('|') { String::new() } else { prefix }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, id: &str) -> bool {
        regex::Regex::new(&translate(pattern).unwrap()).unwrap().is_match(id)
    }

    #[test]
    fn patterns_of_real_bridges_match_as_they_do_in_python() {
        for (pattern, id, expected) in [
            ("@irc_.*", "@irc_alice:h", true),
            ("@irc_.*", "@xirc_alice:h", false),
            ("irc_.*", "@irc_alice:h", false),
            (r"^@botname:srv\.name$", "@botname:srv.name", true),
            (r"^@botname:srv\.name$", "@botname:srv-name", false),
            (r"^@botname:srv\.name$", "@botname:srv.name.org", false),
            (r"^@prefix_.*:srv\.name$", "@prefix_1:srv.name", true),
            (r"@telegram_.*:srv\.name", "@telegram_1:srv.name", true),
            (r"\#telegram_.*:srv\.name", "#telegram_x:srv.name", true),
            (r"\@telegram_\d+:srv\.name", "@telegram_12:srv.name", true),
            (r"@whatsapp\_[0-9]+:srv", "@whatsapp_49:srv", true),
            (r"@(a|b)_.*", "@b_x:h", true),
            (r"@a|@b", "@b:h", true),
            (r"@a|b", "xb", false),
            (r"@x_[^[]+:h\Z", "@x_y:h", true),
            (r"@x_[^[]+:h\Z", "@x_[:h", false),
            (r"@x_[]a]:h", "@x_]:h", true),
            (r"@x_[&&~~a]+:h", "@x_&a~:h", true),
            (r"(?i)@Case_.*", "@case_1:h", true),
            (r"@(?P<name>[a-z]+):h", "@abc:h", true),
            ("#prefix_.*", "#prefix_a:h", true),
        ] {
            assert_eq!(matches(pattern, id), expected, "{pattern} on {id}");
        }
    }

    #[test]
    fn non_linear_constructs_are_refused_by_name() {
        for (pattern, expected) in [
            ("@(?!bot)x.*", PatternError::LookAround("(?!".to_owned())),
            ("@(?=bot)x.*", PatternError::LookAround("(?=".to_owned())),
            ("@x.*(?<!bot)", PatternError::LookAround("(?<!".to_owned())),
            (r"@(a)\1", PatternError::BackReference(r"\1".to_owned())),
            (r"@(?P<a>x)(?P=a)", PatternError::BackReference("(?P=".to_owned())),
            (r"@([a-z]{1,1000}){1,1000}", PatternError::TooLarge),
        ] {
            assert_eq!(translate(pattern), Err(expected), "{pattern}");
        }
    }

    #[test]
    fn syntax_errors_say_what_is_wrong() {
        for (pattern, part) in [
            ("@(a", "unclosed group"),
            ("@[a", "unclosed"),
            ("*", "repetition"),
            ("@a{b", r"\{"),
            ("@a\\", "backslash"),
        ] {
            let text = translate(pattern).unwrap_err().to_string();
            assert!(text.contains(part), "{pattern}: {text}");
        }
    }

    #[test]
    fn literal_prefix_stops_at_the_first_choice() {
        for (pattern, prefix) in [
            ("@irc_.*", "@irc_"),
            (r"^@a\.b:h", "@a.b:h"),
            ("@ab?c", "@a"),
            ("@a|b", ""),
            (r"\#tg_\d", "#tg_"),
            ("@x+y", "@x"),
        ] {
            assert!(literal_prefix(pattern).starts_with(prefix), "{pattern}");
        }
    }
}
