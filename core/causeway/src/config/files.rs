//! The files that a configuration names: what is wrong with them, without starting anything.

use std::path::Path;

use causeway_registration::{Registration, conflicts};
use causeway_room::SigningKey;

use super::{Config, Mistake};

/// Registration files, signing key, certificate. Files that the first start makes may be missing.
pub fn check(config: &Config) -> Vec<Mistake> {
    let mut mistakes = registrations(config);
    if let Ok(text) = std::fs::read_to_string(&config.signing_key_path)
        && let Err(error) = SigningKey::load(&text)
    {
        mistakes.push(Mistake::in_file(&config.signing_key_path, None, format!("is no signing key: {error}")));
    }
    if let Some((certificate, key)) = &config.tls
        && let Err(error) = super::certificate::read(certificate, key)
    {
        let text = format!("no listener can speak TLS: {error:#}");
        mistakes.push(Mistake::in_file(certificate, None, text));
    }
    mistakes
}

/// What is wrong with each registration file, and what they can't both have.
pub fn registrations(config: &Config) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut known: Vec<(&Path, Registration)> = Vec::new();
    for path in &config.app_service_config_files {
        let wrong = |line, text: String| Mistake::in_file(path, line, text);
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let mend = "take it out of app_service_config_files, or put it back";
                mistakes.push(wrong(None, format!("can't be read: {error}; {mend}")));
                continue;
            }
        };
        match Registration::parse(&text) {
            Err(found) => {
                mistakes.extend(found.0.into_iter().map(|mistake| wrong(mistake.line, mistake.text)));
            }
            Ok(registration) => {
                if let Some((other, _)) = known.iter().find(|(_, other)| other.id == registration.id) {
                    let text =
                        format!("id {:?} is that of {} too; give it another one", registration.id, other.display());
                    mistakes.push(wrong(None, text));
                    continue;
                }
                let others = known.iter().map(|(_, other)| other);
                let found = conflicts(&registration, others, Some(config.server_name.as_str()));
                mistakes.extend(found.into_iter().map(|conflict| wrong(None, conflict.to_string())));
                known.push((path, registration));
            }
        }
    }
    mistakes
}
