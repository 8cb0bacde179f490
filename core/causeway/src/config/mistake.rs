//! What is wrong with a configuration file: always with file and line, and with the mend in the text.

use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File {
        path: PathBuf,
        /// from 1; absent when the file as a whole is meant
        line: Option<usize>,
    },
    /// a variable that overrides the file
    Environment(String),
}

impl Mistake {
    pub fn in_file(path: &Path, line: Option<usize>, text: String) -> Self {
        Self { place: Place::File { path: path.to_owned(), line }, text }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { path, line: Some(line) } => write!(f, "{}:{line}: {}", path.display(), self.text),
            Place::File { path, line: None } => write!(f, "{}: {}", path.display(), self.text),
            Place::Environment(name) => write!(f, "environment variable {name}: {}", self.text),
        }
    }
}

/// Every mistake of a file, so that one run shows them all.
#[derive(Clone, Debug)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
