//! E-mail, and what addresses are good for: `email`, `registrations_require_3pid`, `allowed_local_3pids` and what
//! belongs to them.

use std::time::Duration;

use causeway_hub::mail::{MailSettings, MailTls};
use causeway_hub::threepids::Subjects;
use regex::RegexSet;

use super::section::Section;

const TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);
const APP_NAME: &str = "Matrix";

/// What addresses are good for. Not `Debug`: it holds the mail server's password.
#[derive(Clone)]
pub struct Threepids {
    /// none: no e-mail is sent
    pub email: Option<Email>,
    /// whether users may add and remove them
    pub changes: bool,
    /// whether an account needs an e-mail address from the start
    pub email_required: bool,
    /// what e-mail addresses have to look like
    pub allowed_emails: Option<RegexSet>,
    /// hosts that the links of clients may lead to
    pub next_link_domains: Option<Vec<String>>,
    /// Whether an address has an account is not told to those who ask for a mail.
    pub hides_accounts: bool,
}

#[derive(Clone)]
pub struct Email {
    pub settings: MailSettings,
    pub app_name: String,
    pub subjects: Subjects,
    /// how long a link works
    pub token_life: Duration,
}

impl std::fmt::Debug for Threepids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threepids").field("email_required", &self.email_required).finish_non_exhaustive()
    }
}

/// `hello`: the hub's name in SMTP.
pub fn read(root: &Section<'_>, hello: &str) -> Threepids {
    let email = root.get("email").and_then(|_| email(&root.section("email"), hello));
    let required = root.strings("registrations_require_3pid");
    for medium in &required {
        match medium.as_str() {
            "email" if email.is_some() => {}
            "email" => root.mistake("registrations_require_3pid", "needs e-mail; add an `email:` section"),
            "msisdn" => root.mistake(
                "registrations_require_3pid",
                "no text messages are sent here, so nobody could register; remove msisdn",
            ),
            other => root.mistake("registrations_require_3pid", format_args!("{other:?} is not known; use email")),
        }
    }
    Threepids {
        changes: root.bool("enable_3pid_changes", true),
        email_required: !required.is_empty(),
        allowed_emails: allowed(root),
        next_link_domains: root.get("next_link_domain_whitelist").map(|_| root.strings("next_link_domain_whitelist")),
        hides_accounts: root.bool("request_token_inhibit_3pid_errors", false),
        email,
    }
}

fn email(section: &Section<'_>, hello: &str) -> Option<Email> {
    let whole = section.bool("force_tls", false);
    let host = section.string("smtp_host").unwrap_or_else(|| "localhost".to_owned());
    let (user, password) = (section.string("smtp_user"), section.string("smtp_pass"));
    if user.is_some() != password.is_some() {
        section.mistake("smtp_user", "smtp_user and smtp_pass go together; give both or none");
    }
    let required = section.bool("require_transport_security", false);
    let tls = match (whole, required, section.bool("enable_tls", true)) {
        (true, _, _) => MailTls::Whole,
        (false, true, true) => MailTls::Required,
        (false, false, true) => MailTls::Offered,
        (false, false, false) => MailTls::Never,
        (false, true, false) => {
            section.mistake("enable_tls", "is off, and require_transport_security wants it; change one of the two");
            MailTls::Required
        }
    };
    let port = match section.integer("smtp_port").map(u16::try_from) {
        None => {
            if whole {
                465
            } else {
                25
            }
        }
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            section.mistake("smtp_port", "is no port");
            25
        }
    };
    let app_name = section.string("app_name").unwrap_or_else(|| APP_NAME.to_owned());
    let from = match section.string("notif_from") {
        None => {
            section.mistake("notif_from", "is missing; write whose mails they are: \"Example <noreply@example.org>\"");
            None
        }
        Some(text) => match text.replace("%(app)s", &app_name).parse() {
            Ok(from) => Some(from),
            Err(_) => {
                section.mistake(
                    "notif_from",
                    format_args!("{text:?} is no sender; write \"Example <noreply@example.org>\""),
                );
                None
            }
        },
    };
    let subjects = section.section("subjects");
    let given = Subjects::default();
    let subjects = Subjects {
        password_reset: subjects.string("password_reset").unwrap_or(given.password_reset),
        email_validation: subjects.string("email_validation").unwrap_or(given.email_validation),
    };
    let token_life = section.duration("validation_token_lifetime").unwrap_or(TOKEN_LIFE);
    let tls_name = section.string("tlsname").unwrap_or_else(|| host.clone());
    section.finish_after(&["subjects"]);
    let settings = MailSettings {
        host,
        port,
        credentials: user.zip(password),
        tls,
        tls_name,
        from: from?,
        hello: hello.to_owned(),
    };
    Some(Email { settings, app_name, subjects, token_life })
}

/// Patterns are Python's `re.match`: they begin where the address begins.
fn allowed(root: &Section<'_>) -> Option<RegexSet> {
    root.get("allowed_local_3pids")?;
    let mut patterns = Vec::new();
    for entry in root.sections("allowed_local_3pids") {
        let (medium, pattern) = (entry.string("medium"), entry.string("pattern"));
        entry.finish();
        match (medium.as_deref(), pattern) {
            (Some("email"), Some(pattern)) => patterns.push(format!("^(?:{pattern})")),
            (Some(_), Some(_)) => {}
            _ => root.mistake("allowed_local_3pids", "every entry has a medium and a pattern"),
        }
    }
    match RegexSet::new(&patterns) {
        Ok(set) => Some(set),
        Err(error) => {
            root.mistake("allowed_local_3pids", error);
            None
        }
    }
}
