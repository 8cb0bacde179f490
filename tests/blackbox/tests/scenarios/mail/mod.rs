//! E-mail addresses of accounts, proved through a real mail server.

mod addresses;
mod delivery;
mod passwords;
mod registration;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Database, Hub, HubOptions, MailServer, Place, http_client, saw};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

const REGISTER: &str = "/_matrix/client/v3/register";
const PASSWORD: &str = "/_matrix/client/v3/account/password";
const THREEPIDS: &str = "/_matrix/client/v3/account/3pid";
/// what every client of these scenarios keeps to itself
const SECRET: &str = "a.client-secret_of=mine";

/// A hub and its mail server.
struct Desk {
    hub: Hub,
    mail: MailServer,
    http: reqwest::Client,
    _place: Place,
}

/// What `email:` is when nothing is to be said of it but these lines.
fn email(port: u16, more: &str) -> String {
    format!(
        "email:\n  smtp_host: 127.0.0.1\n  smtp_port: {port}\n  notif_from: \"%(app)s <noreply@causeway.test>\"\n{more}"
    )
}

/// No limit that is met by chance.
const UNLIMITED: &str = "rc_3pid_validation: {per_second: 10000, burst_count: 10000}\n";

impl Desk {
    /// `more`: lines of the config.
    async fn set(database: Database, more: &str) -> Result<Self> {
        let mail = MailServer::start().await?;
        let place = database.place()?;
        let config = email(mail.port, "") + more;
        let hub = Hub::start(HubOptions { database: place.url.clone(), config, ..HubOptions::default() }).await?;
        Ok(Self { hub, mail, http: http_client()?, _place: place })
    }

    /// Status and body of a `POST` without a token.
    async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        saw(format!("POST {path}"));
        let response = self.http.post(self.hub.url() + path).json(body).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// `requestToken`; the session's id.
    async fn ask(&self, of: &str, address: &str) -> Result<String> {
        let (status, answer) = self.post(&request_token(of), &asked(address, 1)).await?;
        ensure!(status == 200, "{of} for {address} answered {status} {answer}");
        Ok(answer["sid"].as_str().with_context(|| format!("no sid in {answer}"))?.to_owned())
    }

    async fn refused(&self, path: &str, body: &Value, status: u16, errcode: &str) -> Result<Value> {
        let answered = self.post(path, body).await?;
        ensure!(
            (answered.0, answered.1["errcode"].as_str()) == (status, Some(errcode)),
            "{path} answered {answered:?} and not {status} {errcode}"
        );
        Ok(answered.1)
    }

    /// The page of the mail of this number, and a press on its button: the mail's reader.
    async fn confirm(&self, number: usize) -> Result<()> {
        let link = self.mail.link(number).await?;
        self.press(&link).await.map(drop)
    }

    /// Where it leads to.
    async fn press(&self, link: &str) -> Result<Option<String>> {
        // Links lead to the name that the world knows.
        let path = link.strip_prefix(&format!("https://{}", Hub::SERVER_NAME)).with_context(|| format!("{link}?"))?;
        let url = self.hub.url() + path;
        let page = self.http.get(&url).send().await?;
        ensure!(page.status() == 200, "the link answers {}", page.status());
        ensure!(page.headers()["referrer-policy"] == "no-referrer", "the page tells others its address");
        let policy = page.headers()["content-security-policy"].to_str()?.to_owned();
        ensure!(policy.contains("frame-ancestors 'none'"), "{policy}");
        let page = page.text().await?;
        let form: Vec<(&str, &str)> = ["sid", "token"].into_iter().map(|name| (name, hidden(&page, name))).collect();
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build()?;
        let body = form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let request = http.post(&url).header("content-type", "application/x-www-form-urlencoded").body(body);
        let pressed = request.send().await?;
        let status = pressed.status();
        ensure!(status == 200 || status == 303, "the button answers {status}");
        Ok(pressed.headers().get(LOCATION).map(|to| to.to_str().map(str::to_owned)).transpose()?)
    }

    /// Status and body of a login.
    async fn log_in(&self, identifier: Value, password: &str) -> Result<(u16, Value)> {
        let body = json!({ "type": "m.login.password", "identifier": identifier, "password": password });
        self.post("/_matrix/client/v3/login", &body).await
    }
}

fn request_token(of: &str) -> String {
    format!("/_matrix/client/v3/{of}/email/requestToken")
}

fn asked(address: &str, attempt: u32) -> Value {
    json!({ "client_secret": SECRET, "email": address, "send_attempt": attempt })
}

fn by_address(address: &str) -> Value {
    json!({ "type": "m.id.thirdparty", "medium": "email", "address": address })
}

fn by_name(name: &str) -> Value {
    json!({ "type": "m.id.user", "user": name })
}

/// The stage in which an address is proved.
fn proved(sid: &str) -> Value {
    json!({ "type": "m.login.email.identity", "threepid_creds": { "sid": sid, "client_secret": SECRET } })
}

/// The value of a page's hidden field.
fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}
