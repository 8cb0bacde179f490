//! Notifications over HTTP to push gateways (push gateway API).

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::outbound::{AddressRanges, Outbound};

const TIMEOUT: Duration = Duration::from_secs(30);
/// The only path that a pusher may name (client-server API, "Push Notifications").
pub const PATH: &str = "/_matrix/push/v1/notify";

/// One phone's or browser's pusher, as its client set it.
#[derive(Clone, Debug)]
pub struct Pusher {
    pub app_id: String,
    pub pushkey: String,
    pub url: Url,
    /// only ids go out, no content
    pub event_id_only: bool,
    /// for the gateway, without the URL
    data: Map<String, Value>,
}

/// Why a pusher cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PusherError {
    /// 400 `M_MISSING_PARAM`
    #[error("{0} is missing")]
    Missing(&'static str),
    /// 400 `M_INVALID_PARAM`
    #[error("{0}")]
    Invalid(String),
}

impl Pusher {
    /// None: its kind is not `http`, so nothing is sent for it.
    pub fn parse(pusher: &Value) -> Result<Option<Self>, PusherError> {
        let text = |key: &'static str| {
            let text = pusher.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or(PusherError::Missing(key))
        };
        let (app_id, pushkey) = (text("app_id")?, text("pushkey")?);
        if pushkey.len() > 512 || app_id.chars().count() > 64 {
            return Err(PusherError::Invalid("pushkey has 512 bytes at most, and app_id 64 characters".to_owned()));
        }
        if text("kind")? != "http" {
            return Ok(None);
        }
        let mut data = match pusher.get("data") {
            Some(Value::Object(data)) => data.clone(),
            _ => return Err(PusherError::Missing("data")),
        };
        let Some(Value::String(url)) = data.remove("url") else { return Err(PusherError::Missing("data.url")) };
        let url = Url::parse(&url).map_err(|error| PusherError::Invalid(format!("data.url: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.path() != PATH {
            return Err(PusherError::Invalid(format!("data.url must be an HTTP URL with the path {PATH}")));
        }
        let event_id_only = data.get("format").and_then(Value::as_str) == Some("event_id_only");
        Ok(Some(Self { app_id, pushkey, url, event_id_only, data }))
    }

    /// With what the event's rule asks for: sound, highlight.
    pub fn device(&self, tweaks: Map<String, Value>) -> Value {
        json!({ "app_id": self.app_id, "pushkey": self.pushkey, "data": self.data, "tweaks": tweaks })
    }
}

/// What a gateway says.
#[derive(Debug, PartialEq, Eq)]
pub enum Pushed {
    Taken,
    /// There is no such device any more.
    Rejected,
    /// Perhaps later.
    Failed(String),
}

#[derive(Clone)]
pub struct Gateways {
    outbound: Outbound,
}

impl Gateways {
    /// # Errors
    /// When the system has no usable TLS.
    pub fn new(ranges: AddressRanges) -> Result<Self, reqwest::Error> {
        Ok(Self { outbound: Outbound::new(ranges, TIMEOUT)? })
    }

    pub async fn notify(&self, pusher: &Pusher, notification: Value) -> Pushed {
        let request = match self.outbound.request(Method::POST, pusher.url.clone()) {
            Ok(request) => request,
            Err(denied) => return Pushed::Failed(denied.to_string()),
        };
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            rejected: Vec<String>,
        }
        let request = request.json(&json!({ "notification": notification }));
        let answer = match request.send().await.and_then(reqwest::Response::error_for_status) {
            Ok(answer) => answer.json::<Answer>().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) if answer.rejected.contains(&pusher.pushkey) => Pushed::Rejected,
            Ok(_) => Pushed::Taken,
            // Its URL may have a secret in it.
            Err(error) => Pushed::Failed(error.without_url().to_string()),
        }
    }
}
