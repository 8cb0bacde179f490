use axum::Form;
use axum::body::Body;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use causeway_hub::threepids::Purpose;
use minijinja::context;
use serde::Deserialize;

use crate::pages::Page;
use crate::{Api, ApiError};

/// What a mail's link has, and the form on its page. Not `Debug`: the token is a secret.
#[derive(Deserialize)]
pub struct Link {
    sid: String,
    token: String,
}

const ASK: &str = "<p>{{ what }}</p>\n<form method=\"post\"><input type=\"hidden\" name=\"sid\" value=\"{{ sid }}\">\
<input type=\"hidden\" name=\"token\" value=\"{{ token }}\"><button>{{ button }}</button></form>";
const TEXT: &str = "<p>{{ text }}</p>";

fn title(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Registration | Purpose::Adding => "Confirm your e-mail address",
        Purpose::PasswordReset => "Confirm the new password",
    }
}

/// `GET /_matrix/client/unstable/{purpose}/email/submit_token?sid=…&token=…`: the link in a mail. Shows a page with one
/// button, since mail programs follow links by themselves.
pub async fn show(
    purpose: Purpose,
    State(api): State<Api>,
    link: Result<Query<Link>, QueryRejection>,
) -> Result<Response<Body>, ApiError> {
    let Ok(Query(Link { sid, token })) = link else { return stale(purpose) };
    let Some(confirmed) = api.threepids.link(purpose, &sid, &token).await? else { return stale(purpose) };
    let (what, button) = match purpose {
        Purpose::Registration => ("You are registering an account with this e-mail address.", "Confirm"),
        Purpose::Adding => ("You are adding this e-mail address to your account.", "Confirm"),
        Purpose::PasswordReset => (
            "You asked for a new password. Confirm it here, and go on in the app where you asked.",
            "Set the new password",
        ),
    };
    let page = Page {
        status: StatusCode::OK,
        title: title(purpose),
        template: ASK,
        context: context! { what, button, sid, token },
        leads_to: confirmed.next_link.as_deref(),
    };
    page.render()
}

/// `POST` to the same path: the button. Leads to the client's `next_link` where it gave one.
pub async fn submit(
    purpose: Purpose,
    State(api): State<Api>,
    form: Result<Form<Link>, FormRejection>,
) -> Result<Response<Body>, ApiError> {
    let Ok(Form(Link { sid, token })) = form else { return stale(purpose) };
    match api.threepids.confirm(purpose, &sid, &token).await? {
        Some(confirmed) => match confirmed.next_link {
            Some(link) => Ok(Redirect::to(&link).into_response()),
            None => told(StatusCode::OK, purpose, "That was all. Go back to the app where you began."),
        },
        None => stale(purpose),
    }
}

fn stale(purpose: Purpose) -> Result<Response<Body>, ApiError> {
    let text =
        "This link is not valid any more. Where a newer mail has come, follow its link; else begin again in the app.";
    told(StatusCode::BAD_REQUEST, purpose, text)
}

fn told(status: StatusCode, purpose: Purpose, text: &str) -> Result<Response<Body>, ApiError> {
    Page { status, title: title(purpose), template: TEXT, context: context! { text }, leads_to: None }.render()
}
