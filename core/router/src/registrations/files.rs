//! `app_service_config_files`: read at start and at SIGHUP; what changed is applied and reported (design §5.11).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use causeway_registration::{Mistakes, Registration};
use causeway_store::{RegistrationRow, delete_registration};

use super::{Registered, RegistrationError, Registrations};
use crate::appservice::destination_id;

/// Begins the name of what is broken in the database itself, which no file mends.
pub(super) const STORED: &str = "registration ";

/// What was done about one file, or about a registration whose file is named no more.
#[derive(Debug)]
pub struct FileReport {
    pub path: PathBuf,
    pub outcome: FileOutcome,
}

#[derive(Debug)]
pub enum FileOutcome {
    Unchanged,
    Added,
    Changed,
    /// says again what the store has: its destination goes on
    Mended,
    /// an admin removed this registration; it comes back when the file is named no more and then again
    Disabled,
    /// named no more: the registration is removed
    Removed,
    /// Nothing was changed: what the store has of it is held, and nothing that waits for it is lost. The text says what
    /// is wrong, each mistake with the file and its line.
    Broken(String),
}

impl Registrations {
    /// Applies the files of the configuration. What came from a file that is missing, broken or in conflict with another
    /// is held, until the file is mended and this is called again.
    pub async fn apply_files(&self, paths: &[PathBuf]) -> Result<Vec<FileReport>, RegistrationError> {
        let _changing = self.inner.changing.lock().await;
        let mut reports = Vec::new();
        for path in paths {
            let told_as = self.acting_for(&path.display().to_string());
            let outcome = match std::fs::read_to_string(path) {
                Ok(text) => told_as.apply_file(path, &text).await?,
                Err(error) => FileOutcome::Broken(unreadable(path, &error)),
            };
            told_as.hold_others_of(path, &outcome).await?;
            reports.push(FileReport { path: path.clone(), outcome });
        }
        reports.extend(self.forget_unnamed(paths).await?);
        let broken = reports.iter().filter_map(|FileReport { path, outcome }| match outcome {
            FileOutcome::Broken(text) => Some((path.display().to_string(), text.clone())),
            _ => None,
        });
        {
            let mut known = self.inner.broken.write().unwrap_or_else(PoisonError::into_inner);
            known.retain(|name, _| name.starts_with(STORED));
            known.extend(broken);
        }
        for FileReport { path, outcome } in &reports {
            match outcome {
                FileOutcome::Unchanged => {}
                FileOutcome::Broken(reason) => {
                    tracing::error!(file = %path.display(), reason, "registration file not applied");
                }
                other => tracing::info!(file = %path.display(), outcome = ?other, "registration file applied"),
            }
        }
        Ok(reports)
    }

    async fn apply_file(&self, path: &Path, text: &str) -> Result<FileOutcome, RegistrationError> {
        let registration = match Registration::parse(text) {
            Ok(registration) => registration,
            Err(mistakes) => return Ok(FileOutcome::Broken(described(path, &mistakes))),
        };
        let known = self.get(&registration.id);
        if known.is_none() && self.is_disabled(&registration.id).await? {
            return Ok(FileOutcome::Disabled);
        }
        let source = path.display().to_string();
        if let Some(known) = &known
            && *known.registration == registration
            && known.source.as_ref() == Some(&source)
            && known.held.is_none()
        {
            return Ok(FileOutcome::Unchanged);
        }
        match self.refuse_conflicts(&registration, |other| other.id != registration.id) {
            Err(RegistrationError::Conflicts(conflicts)) => {
                let text: Vec<String> = conflicts.iter().map(|conflict| format!("{source}: {conflict}")).collect();
                return Ok(FileOutcome::Broken(text.join("\n")));
            }
            other => other?,
        }
        if let Some(known) = &known
            && *known.registration == registration
            && known.source.as_ref() == Some(&source)
        {
            self.hold(known, None).await?;
            return Ok(FileOutcome::Mended);
        }
        self.write(registration, Some(path)).await?;
        Ok(if known.is_some() { FileOutcome::Changed } else { FileOutcome::Added })
    }

    /// Holds what came from this file and cannot be told from it any more.
    async fn hold_others_of(&self, path: &Path, outcome: &FileOutcome) -> Result<(), RegistrationError> {
        let source = path.display().to_string();
        for known in self.list().into_iter().filter(|known| known.source.as_ref() == Some(&source)) {
            let reason = match outcome {
                FileOutcome::Broken(text) => Some(text.clone()),
                _ => fault(path, &known.registration.id),
            };
            if reason.is_some() && reason != known.held {
                self.hold(&known, reason).await?;
            }
        }
        Ok(())
    }

    /// Enters a registration again, held or not.
    async fn hold(&self, known: &Registered, reason: Option<String>) -> Result<(), RegistrationError> {
        let row = RegistrationRow {
            id: known.registration.id.clone(),
            document: String::new(),
            source: known.source.clone(),
            added: known.added,
            changed: known.changed,
            disabled: false,
        };
        let (action, detail) = match &reason {
            Some(reason) => ("hold", reason.as_str()),
            None => ("go on", ""),
        };
        self.note(action, &row.id, detail).await?;
        self.enter(Registration::clone(&known.registration), &row, reason).await
    }

    async fn is_disabled(&self, id: &str) -> Result<bool, RegistrationError> {
        let rows = self.inner.store.registrations().await.map_err(causeway_store::CommitError::from)?;
        Ok(rows.iter().any(|row| row.id == id && row.disabled))
    }

    /// Registrations whose file was taken out of the configuration.
    async fn forget_unnamed(&self, paths: &[PathBuf]) -> Result<Vec<FileReport>, RegistrationError> {
        let named: HashSet<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let rows = self.inner.store.registrations().await.map_err(causeway_store::CommitError::from)?;
        let mut reports = Vec::new();
        for row in rows {
            let Some(source) = row.source.filter(|source| !named.contains(source)) else { continue };
            if let Some(registered) = self.get(&row.id)
                && registered.destination.is_some()
            {
                self.inner.router.remove(&destination_id(&row.id)).await?;
            }
            let told = self.acting_for(&source).told("remove", &row.id, "named no more in app_service_config_files");
            self.commit(vec![delete_registration(&row.id, false), told]).await?;
            self.change(|loaded| {
                loaded.by_id.remove(&row.id);
            });
            reports.push(FileReport { path: source.into(), outcome: FileOutcome::Removed });
        }
        Ok(reports)
    }
}

/// Why a file does not speak for the registration that came from it.
pub(super) fn fault(path: &Path, id: &str) -> Option<String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return Some(unreadable(path, &error)),
    };
    match Registration::parse(&text) {
        Err(mistakes) => Some(described(path, &mistakes)),
        Ok(registration) if registration.id != id => Some(format!(
            "{}: has the id {:?} now; write {id:?} again, or end the old one with `causeway registration remove {id}`",
            path.display(),
            registration.id
        )),
        Ok(_) => None,
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!(
        "{}: can't be read: {error}; put it back, or take it out of app_service_config_files (what waits for it lapses \
         then)",
        path.display()
    )
}

fn described(path: &Path, mistakes: &Mistakes) -> String {
    let lines = mistakes.0.iter().map(|mistake| match mistake.line {
        Some(line) => format!("{}:{line}: {}", path.display(), mistake.text),
        None => format!("{}: {}", path.display(), mistake.text),
    });
    lines.collect::<Vec<_>>().join("\n")
}
