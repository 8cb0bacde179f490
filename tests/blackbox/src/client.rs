//! The few calls of a Matrix client that scenarios need besides the real clients.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    pub user_id: String,
    transactions: AtomicU64,
}

impl Client {
    pub async fn log_in(base: &str, user: &str, password: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let body = json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password,
        });
        let answer: Value = http.post(format!("{base}/_matrix/client/v3/login")).json(&body).send().await?.json().await?;
        let text = |key: &str| answer[key].as_str().map(str::to_owned).with_context(|| format!("login answered {answer}"));
        Ok(Self { token: text("access_token")?, user_id: text("user_id")?, http, base: base.to_owned(), transactions: AtomicU64::new(0) })
    }

    /// An appservice: its token acts as its sender.
    pub fn with_token(base: &str, token: &str, user_id: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { token: token.to_owned(), user_id: user_id.to_owned(), http, base: base.to_owned(), transactions: AtomicU64::new(0) })
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Status and body; `path` from `/_matrix/…` on.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("asking {path}"))?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    async fn good(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        match self.request(method, path, body).await? {
            (200..300, answer) => Ok(answer),
            (status, answer) => bail!("{path} answered {status} {answer}"),
        }
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.good(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.good(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.good(Method::PUT, path, Some(body)).await
    }

    pub async fn create_room(&self, body: &Value) -> Result<String> {
        let answer = self.post("/_matrix/client/v3/createRoom", body).await?;
        Ok(answer["room_id"].as_str().context("createRoom answered no room_id")?.to_owned())
    }

    /// The event id.
    pub async fn say(&self, room_id: &str, text: &str) -> Result<String> {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        self.send(room_id, "m.room.message", &format!("t{number}"), &json!({"msgtype": "m.text", "body": text})).await
    }

    pub async fn send(&self, room_id: &str, kind: &str, txn_id: &str, content: &Value) -> Result<String> {
        let path = format!("/_matrix/client/v3/rooms/{}/send/{kind}/{txn_id}", escape(room_id));
        let answer = self.put(&path, content).await?;
        Ok(answer["event_id"].as_str().context("send answered no event_id")?.to_owned())
    }

    pub async fn join(&self, room_id: &str) -> Result<()> {
        self.post(&format!("/_matrix/client/v3/rooms/{}/join", escape(room_id)), &json!({})).await.map(drop)
    }

    /// The newest messages, oldest first.
    pub async fn messages(&self, room_id: &str, limit: usize) -> Result<Vec<Value>> {
        let answer = self.get(&format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit={limit}", escape(room_id))).await?;
        let mut events = answer["chunk"].as_array().context("messages answered no chunk")?.clone();
        events.reverse();
        Ok(events)
    }

    /// The texts of `m.room.message` events by others, oldest first.
    pub async fn heard(&self, room_id: &str, limit: usize) -> Result<Vec<String>> {
        Ok(self
            .messages(room_id, limit)
            .await?
            .iter()
            .filter(|event| event["type"] == "m.room.message" && event["sender"] != self.user_id)
            .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned))
            .collect())
    }
}

/// An id as a path segment.
pub fn escape(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
