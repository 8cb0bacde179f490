//! `app_service_config_files`: read at start and at SIGHUP; what changed is applied and reported (design §5.11).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use causeway_registration::Registration;
use causeway_store::delete_registration;

use super::{RegistrationError, Registrations};
use crate::appservice::destination_id;

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
    /// an admin removed this registration; it comes back when the file is named no more and then again
    Disabled,
    /// named no more: the registration is removed
    Removed,
    /// Nothing was changed: what the store has goes on. The text says what is wrong.
    Broken(String),
}

impl Registrations {
    /// Applies the files of the configuration. A file that is missing or broken changes nothing.
    pub async fn apply_files(&self, paths: &[PathBuf]) -> Result<Vec<FileReport>, RegistrationError> {
        let _changing = self.inner.changing.lock().await;
        let mut reports = Vec::new();
        for path in paths {
            let outcome = match std::fs::read_to_string(path) {
                Ok(text) => self.apply_file(path, &text).await?,
                Err(error) => FileOutcome::Broken(format!("cannot be read: {error}")),
            };
            reports.push(FileReport { path: path.clone(), outcome });
        }
        reports.extend(self.forget_unnamed(paths).await?);
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
            Err(mistakes) => return Ok(FileOutcome::Broken(mistakes.to_string())),
        };
        let known = self.get(&registration.id);
        if known.is_none() && self.is_disabled(&registration.id).await? {
            return Ok(FileOutcome::Disabled);
        }
        let source = path.display().to_string();
        if let Some(known) = &known
            && *known.registration == registration
            && known.source.as_ref() == Some(&source)
        {
            return Ok(FileOutcome::Unchanged);
        }
        match self.refuse_conflicts(&registration, |other| other.id != registration.id) {
            Err(RegistrationError::Conflicts(conflicts)) => {
                let text: Vec<String> = conflicts.iter().map(ToString::to_string).collect();
                return Ok(FileOutcome::Broken(text.join("\n")));
            }
            other => other?,
        }
        self.write(registration, Some(path)).await?;
        Ok(if known.is_some() { FileOutcome::Changed } else { FileOutcome::Added })
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
            self.commit(vec![delete_registration(&row.id, false)]).await?;
            self.change(|loaded| {
                loaded.by_id.remove(&row.id);
            });
            reports.push(FileReport { path: source.into(), outcome: FileOutcome::Removed });
        }
        Ok(reports)
    }
}
