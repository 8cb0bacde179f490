//! What is wrong with a registration file: every mistake, with its line and the mend.

use std::fmt;

use crate::lines::Lines;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// from 1, where it could be found
    pub line: Option<usize>,
    /// what is wrong and what to do
    pub text: String,
}

impl Mistake {
    /// What makes a text no YAML.
    pub fn not_yaml(text: &str, error: &serde_yaml::Error) -> Self {
        if let Some((key, line)) = Lines::of(text).repeated() {
            return Self { line: Some(line), text: format!("not YAML: {key:?} stands twice; remove one of the two") };
        }
        let line = error.location().map_or(1, |place| place.line());
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        let here = text.lines().nth(line - 1).unwrap_or_default();
        let mend = if here.trim_start_matches(' ').starts_with('\t') {
            "indent with spaces, not with tabs"
        } else if said.contains("cannot start any token") || said.contains("mapping values") || said.contains("alias") {
            "put the value in quotes"
        } else {
            "look at quotes, brackets and indentation here and in the line before"
        };
        Self { line: Some(line), text: format!("not YAML: {said}; {mend}") }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// All mistakes of a file; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}
