//! Logging in to a network, step by step as in mautrix bridgev2: the twin of the WIT interface `login-types`.

use serde::{Deserialize, Serialize};

use super::ids::{GhostId, LoginId};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    pub id: String,
    pub name: String,
    pub description: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    Username,
    Password,
    Phone,
    Email,
    #[serde(rename = "code-2fa")]
    Code2fa,
    Token,
    Url,
    Domain,
    Choice,
    Captcha,
    Text,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InputField {
    pub id: String,
    pub kind: InputKind,
    pub name: String,
    pub description: String,
    pub default_value: Option<String>,
    pub pattern: Option<String>,
    pub options: Vec<String>,
    pub secret: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisplayKind {
    Qr,
    Emoji,
    Code,
    Link,
    Nothing,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Display {
    pub kind: DisplayKind,
    pub data: String,
    pub expires_ms: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CookieSource {
    Cookie(String, String),
    LocalStorage(String),
    RequestHeader(String, String),
    RequestBody(String, String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CookieField {
    pub id: String,
    pub required: bool,
    pub sources: Vec<CookieSource>,
    pub pattern: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cookies {
    pub url: String,
    pub user_agent: Option<String>,
    pub fields: Vec<CookieField>,
    pub wait_url_pattern: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Profile {
    pub name: Option<String>,
    pub username: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub avatar: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Complete {
    pub login: LoginId,
    pub ghost: Option<GhostId>,
    pub remote_name: String,
    pub profile: Profile,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    UserInput(Vec<InputField>),
    Cookies(Cookies),
    DisplayAndWait(Display),
    /// opaque WebAuthn request options (JSON) and the origin
    Webauthn(String, String),
    Complete(Complete),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    pub id: String,
    pub instructions: String,
    pub action: Action,
}

#[derive(Clone)]
pub enum Answer {
    Fields(Vec<(String, String)>),
    Webauthn(String),
    Cancelled,
}

/// The login that a Store runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub login: LoginId,
    /// Matrix user id
    pub owner: String,
    pub remote_name: String,
}
