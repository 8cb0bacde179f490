//! `/_causeway/admin/v1/registrations`: application services, changed while the hub runs.

mod add;
mod check;
mod export;
mod list;
mod pause;
mod ping;
mod remove;
mod resume;
mod rotate;
mod show;

use axum::http::StatusCode;
use axum::routing::{get, post};
use causeway_registration::{Kind, Registration};
use causeway_router::{Registered, RegistrationError};
use serde_json::{Map, Value, json};

use crate::{ApiError, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    let base = "/_causeway/admin/v1/registrations";
    routes
        .route(base, get(list::list).post(add::add))
        .route(&format!("{base}/check"), post(check::check))
        .route(&format!("{base}/{{id}}"), get(show::show).delete(remove::remove))
        .route(&format!("{base}/{{id}}/export"), get(export::export))
        .route(&format!("{base}/{{id}}/pause"), post(pause::pause))
        .route(&format!("{base}/{{id}}/ping"), post(ping::ping))
        .route(&format!("{base}/{{id}}/resume"), post(resume::resume))
        .route(&format!("{base}/{{id}}/rotate"), post(rotate::rotate))
}

impl From<RegistrationError> for ApiError {
    fn from(error: RegistrationError) -> Self {
        let text = error.to_string();
        match error {
            RegistrationError::Mistakes(mistakes) => {
                let list: Vec<Value> =
                    mistakes.0.iter().map(|mistake| json!({"line": mistake.line, "text": mistake.text})).collect();
                Self::bad_request("M_BAD_JSON", text).with("mistakes", list)
            }
            RegistrationError::Conflicts(_) => Self::new(StatusCode::CONFLICT, "M_EXCLUSIVE", text),
            RegistrationError::Sender { .. } => Self::bad_request("M_BAD_JSON", text),
            RegistrationError::Unknown(_) => Self::not_found(text),
            RegistrationError::FromFile { .. } | RegistrationError::OfBridge(_) => {
                Self::new(StatusCode::CONFLICT, "M_FORBIDDEN", text)
            }
            RegistrationError::Queue(error) => error.into(),
            RegistrationError::Store(error) => error.into(),
            RegistrationError::Connection(error) => Self::internal(error),
        }
    }
}

/// A registration without its tokens.
fn describe(registration: &Registration) -> Map<String, Value> {
    let namespaces: Map<String, Value> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.to_string(), registration.namespaces.of(kind).iter().map(|n| json!(n)).collect()))
        .collect();
    let plugin = registration.plugin.as_ref().map(|plugin| json!({"file": plugin.file, "sha256": plugin.sha256}));
    let description = json!({
        "id": registration.id,
        "url": registration.url,
        "sender_localpart": registration.sender_localpart,
        "namespaces": namespaces,
        "rate_limited": registration.rate_limited,
        "receive_ephemeral": registration.wants_ephemeral(),
        "encryption": registration.encryption,
        "manages_devices": registration.device_management,
        "protocols": registration.protocols,
        "lanes": registration.lanes,
        "plugin": plugin,
        "unknown_keys": registration.unknown_keys().collect::<Vec<_>>(),
    });
    match description {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn describe_registered(registered: &Registered) -> Map<String, Value> {
    let mut description = describe(&registered.registration);
    description.insert("source".to_owned(), json!(registered.source));
    description.insert("held".to_owned(), json!(registered.held));
    description.insert("added".to_owned(), json!(registered.added));
    description.insert("changed".to_owned(), json!(registered.changed));
    description
}
