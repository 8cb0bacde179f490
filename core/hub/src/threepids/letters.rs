//! What stands in the mails.

use minijinja::{Environment, context};

use super::{Correspondence, Purpose};
use crate::mail::Letter;

/// Synapse's `email.subjects`; `%(server_name)s` and `%(app)s` are filled in.
#[derive(Clone, Debug)]
pub struct Subjects {
    pub password_reset: String,
    pub email_validation: String,
}

impl Default for Subjects {
    fn default() -> Self {
        Self {
            password_reset: "[%(server_name)s] Password reset".to_owned(),
            email_validation: "[%(server_name)s] Validate your email".to_owned(),
        }
    }
}

/// Where a mail's reader goes to confirm.
pub(super) struct Link<'a> {
    pub purpose: Purpose,
    pub sid: &'a str,
    pub token: &'a str,
}

const TEXT: &str = "Hello,

{{ what }}

If this was you, follow this link, and confirm it on the page that opens:

{{ link }}

If this was not you, do nothing: without the link nothing happens.

{{ app }} on {{ server_name }}
";

const HTML: &str = "<!DOCTYPE html>
<html lang=\"en\"><body>
<p>Hello,</p>
<p>{{ what }}</p>
<p>If this was you, follow this link, and confirm it on the page that opens:</p>
<p><a href=\"{{ link }}\">{{ link }}</a></p>
<p>If this was not you, do nothing: without the link nothing happens.</p>
<p>{{ app }} on {{ server_name }}</p>
</body></html>
";

pub(super) fn write(correspondence: &Correspondence, link: Link<'_>) -> Letter {
    let Correspondence { server_name, app_name, subjects, base_url, .. } = correspondence;
    let (subject, what) = match link.purpose {
        Purpose::Registration => (
            &subjects.email_validation,
            format!("somebody registers an account on {server_name} with this e-mail address."),
        ),
        Purpose::PasswordReset => (
            &subjects.password_reset,
            format!("somebody asked to set a new password for your account on {server_name}."),
        ),
        Purpose::Adding => {
            (&subjects.email_validation, format!("somebody adds this e-mail address to an account on {server_name}."))
        }
    };
    // Neither part has a character that a query would have to escape.
    let link = format!(
        "{base_url}/_matrix/client/unstable/{}/email/submit_token?sid={}&token={}",
        link.purpose.path(),
        link.sid,
        link.token
    );
    let context = context! { what, link, app => app_name, server_name };
    let render = |name: &str, template: &str| {
        Environment::new().render_named_str(name, template, &context).expect("both templates are whole")
    };
    Letter {
        subject: subject.replace("%(server_name)s", server_name).replace("%(app)s", app_name),
        text: render("mail.txt", TEXT),
        html: render("mail.html", HTML),
    }
}
