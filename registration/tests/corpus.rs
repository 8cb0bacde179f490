//! Registration files as real bridges write them, and mutations of them: what a server has to take it takes, and what
//! is broken is named with its line and the mend.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic too")]

use std::fs;
use std::path::Path;

use causeway_registration::Registration;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

const MUTATIONS: usize = 200;

/// Patterns that are refused, with a word of what is said.
const PATTERNS: [(&str, &str); 9] = [
    ("@(?!bot)x.*", "look-around"),
    ("@x.*(?<!bot)", "look-around"),
    (r"@(a)\1", "back-reference"),
    ("@(?P<a>x)(?P=a)", "back-reference"),
    ("@([a-z]{1,1000}){1,1000}", "too large"),
    ("@irc_(.*", "unclosed"),
    ("@irc_[a", "unclosed"),
    ("*irc", "repetition"),
    ("@irc{b", r"\{"),
];

fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() >= 14, "{} files", files.len());
    files
}

#[test]
fn real_files_have_no_mistakes() {
    for (name, text) in corpus() {
        let registration = Registration::parse(&text).unwrap_or_else(|mistakes| panic!("{name}: {mistakes}"));
        let again = Registration::parse(&registration.to_yaml()).unwrap();
        assert!(again == registration, "{name}: what is exported is not what was given");
    }
}

/// What is to be said of a mutation.
enum Expected {
    Taken,
    /// at this line (from 1), with this word
    Refused(usize, &'static str),
}

#[test]
fn mutations_are_taken_or_refused_with_line_and_mend() {
    let corpus: Vec<_> = corpus().into_iter().filter(|(name, _)| name != "json.yaml").collect();
    let mut random = StdRng::seed_from_u64(4);
    let (mut taken, mut refused) = (0, 0);
    while taken + refused < MUTATIONS {
        let (name, text) = corpus.choose(&mut random).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let Some((mutated, expected)) = mutation(&mut random, lines) else { continue };
        match (expected, Registration::parse(&mutated)) {
            (Expected::Taken, Ok(_)) => taken += 1,
            (Expected::Taken, Err(mistakes)) => panic!("{name}: {mistakes}\n{mutated}"),
            (Expected::Refused(..), Ok(_)) => panic!("{name}: taken:\n{mutated}"),
            (Expected::Refused(line, word), Err(mistakes)) => {
                refused += 1;
                for mistake in &mistakes.0 {
                    // What is wrong, and behind it what to do.
                    assert!(mistake.text.contains(['`', ';']), "{name}: without a mend: {mistake}\n{mutated}");
                }
                let found = mistakes.0.iter().any(|it| it.line == Some(line) && it.text.contains(word));
                assert!(found, "{name}: not at line {line} with {word:?}: {mistakes}\n{mutated}");
            }
        }
    }
    assert!(taken >= 30 && refused >= 100, "{taken} taken, {refused} refused");
}

/// None where the file has nothing to mutate in this way.
fn mutation(random: &mut StdRng, mut lines: Vec<String>) -> Option<(String, Expected)> {
    let texts = ["id", "as_token", "hs_token", "sender_localpart"];
    let key = *texts.choose(random).unwrap();
    let expected = match random.random_range(0..22) {
        0 => {
            lines.remove(at(&lines, key)?);
            Expected::Refused(1, "is missing")
        }
        1 => set(&mut lines, key, "[a]", "must be a text")?,
        2 => set(&mut lines, key, "''", "is empty")?,
        3 => set(&mut lines, key, "1234567", "in quotes")?,
        4 => set(&mut lines, key, "", "is missing")?,
        5 => {
            let token = value(&lines[at(&lines, "as_token")?]).to_owned();
            set(&mut lines, "hs_token", &token, "make another one")?
        }
        6 => set(&mut lines, "url", "localhost:29318", "has no scheme")?,
        7 => set(&mut lines, "url", "ftp://localhost", "must begin with")?,
        8 => {
            let (pattern, word) = PATTERNS.choose(random).unwrap();
            let number = inner(random, &lines, "regex: ")?;
            replace_value(&mut lines[number], "regex: ", &format!("'{pattern}'"));
            Expected::Refused(number + 1, word)
        }
        9 => {
            let number = inner(random, &lines, "regex: ")?;
            replace_value(&mut lines[number], "regex: ", "@irc_.*");
            Expected::Refused(number + 1, "in quotes")
        }
        10 => {
            let number = inner(random, &lines, "regex: ")?;
            lines[number] = lines[number].replace("regex: ", "regexp: ");
            let item = (0..=number).rev().find(|line| lines[*line].trim_start().starts_with('-'))?;
            Expected::Refused(item + 1, "no `regex`")
        }
        11 => {
            let number = inner(random, &lines, "exclusive: ")?;
            replace_value(&mut lines[number], "exclusive: ", "perhaps");
            Expected::Refused(number + 1, "add `exclusive: true`")
        }
        12 => {
            let number = inner(random, &lines, "  users:")?;
            lines[number] = lines[number].replace("users:", "people:");
            Expected::Refused(number + 1, "unknown namespace")
        }
        13 => {
            let number = inner(random, &lines, "  ")?;
            lines[number] = format!("\t{}", lines[number].trim_start());
            Expected::Refused(number + 1, "tabs")
        }
        14 => {
            let again = lines[at(&lines, key)?].clone();
            lines.push(again);
            Expected::Refused(lines.len(), "stands twice")
        }
        15 => set(&mut lines, "rate_limited", "sometimes", "true or false")?,
        16 => set(&mut lines, "sender_localpart", "'@bot:srv.name'", "whole user id")?,
        17 => {
            lines.push("io.causeway.legacy_authorization: 5".to_owned());
            Expected::Refused(lines.len(), "true or false")
        }
        18 => {
            lines.push("org.example.unheard_of: {a: [1, 2]}".to_owned());
            lines.insert(lines.len() / 2, "# a remark".to_owned());
            Expected::Taken
        }
        19 => return Some((lines.join("\r\n"), Expected::Taken)),
        20 => {
            let document: serde_yaml::Value = serde_yaml::from_str(&lines.join("\n")).unwrap();
            return Some((serde_json::to_string_pretty(&document).unwrap(), Expected::Taken));
        }
        _ => {
            let flags = ["receive_ephemeral", "de.sorunome.msc2409.push_ephemeral", "org.matrix.msc3202"];
            for flag in flags.iter().filter(|flag| at(&lines, flag).is_none()).collect::<Vec<_>>() {
                lines.push(format!("{flag}: {}", ["yes", "off", "true", "False"].choose(random).unwrap()));
            }
            Expected::Taken
        }
    };
    Some((lines.join("\n") + "\n", expected))
}

/// The number (from 0) of the line with this key of the file.
fn at(lines: &[String], key: &str) -> Option<usize> {
    lines.iter().position(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
}

fn value(line: &str) -> &str {
    line.split_once(':').unwrap().1.trim()
}

fn set(lines: &mut [String], key: &str, value: &str, word: &'static str) -> Option<Expected> {
    let number = at(lines, key)?;
    lines[number] = format!("{key}: {value}");
    Some(Expected::Refused(number + 1, word))
}

/// Some line below the first level with this text, but none in flow style.
fn inner(random: &mut StdRng, lines: &[String], text: &str) -> Option<usize> {
    let inside = |line: &str| line.starts_with(' ') && line.contains(text) && !line.contains('{');
    let numbers: Vec<_> = (0..lines.len()).filter(|number| inside(&lines[*number])).collect();
    numbers.choose(random).copied()
}

fn replace_value(line: &mut String, key: &str, value: &str) {
    let end = line.find(key).unwrap() + key.len();
    line.replace_range(end.., value);
}
