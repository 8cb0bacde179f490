//! The few calls of a Matrix client that scenarios need besides the real clients.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Hub, http_client, saw, until};

pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    /// an appservice's: every request says for whom it speaks
    masquerades: bool,
    pub user_id: String,
    transactions: AtomicU64,
}

impl Client {
    pub async fn log_in(base: &str, user: &str, password: &str) -> Result<Self> {
        let http = http_client()?;
        let body = json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password,
        });
        let answer: Value =
            http.post(format!("{base}/_matrix/client/v3/login")).json(&body).send().await?.json().await?;
        let text =
            |key: &str| answer[key].as_str().map(str::to_owned).with_context(|| format!("login answered {answer}"));
        Ok(Self {
            token: text("access_token")?,
            user_id: text("user_id")?,
            masquerades: false,
            http,
            base: base.to_owned(),
            transactions: AtomicU64::new(0),
        })
    }

    /// A user of an appservice's, registered first where that has to be.
    pub async fn ghost(base: &str, as_token: &str, localpart: &str) -> Result<Self> {
        let http = http_client()?;
        let user_id = format!("@{localpart}:{}", Hub::SERVER_NAME);
        let (token, base) = (as_token.to_owned(), base.to_owned());
        let client = Self { token, user_id, masquerades: true, http, base, transactions: AtomicU64::new(0) };
        let body = json!({"type": "m.login.application_service", "username": localpart, "inhibit_login": true});
        let request = client.http.post(format!("{}/_matrix/client/v3/register", client.base)).bearer_auth(as_token);
        let response = request.json(&body).send().await?;
        let (status, answer): (u16, Value) = (response.status().as_u16(), response.json().await?);
        ensure!(
            status == 200 || answer["errcode"] == "M_USER_IN_USE",
            "registering {localpart} answered {status} {answer}"
        );
        Ok(client)
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Status and body; `path` from `/_matrix/…` on.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        saw(format!("{} asks {method} {path}", self.user_id));
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if self.masquerades {
            request = request.query(&[("user_id", &self.user_id)]);
        }
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

    /// The `mxc://` URI.
    pub async fn upload(&self, name: &str, kind: &str, data: impl Into<reqwest::Body>) -> Result<String> {
        saw(format!("{} uploads {name}", self.user_id));
        let request = self.http.post(format!("{}/_matrix/media/v3/upload", self.base)).query(&[("filename", name)]);
        let request = request.bearer_auth(&self.token).header(reqwest::header::CONTENT_TYPE, kind).body(data);
        let answer: Value = request.send().await.context("uploading")?.json().await.context("uploading")?;
        Ok(answer["content_uri"].as_str().with_context(|| format!("upload answered {answer}"))?.to_owned())
    }

    /// What an `mxc://` URI stands for, as text.
    pub async fn download(&self, uri: &str) -> Result<String> {
        let place = uri.strip_prefix("mxc://").with_context(|| format!("{uri:?} is no mxc URI"))?;
        let request = self.http.get(format!("{}/_matrix/client/v1/media/download/{place}", self.base));
        let response = request.bearer_auth(&self.token).send().await.context("downloading")?;
        response.error_for_status().context("downloading")?.text().await.context("downloading")
    }

    /// The answer of a first `/sync`, which has everything.
    pub async fn sync(&self) -> Result<Value> {
        self.get("/_matrix/client/v3/sync?timeout=0").await
    }

    pub async fn create_room(&self, body: &Value) -> Result<String> {
        let answer = self.post("/_matrix/client/v3/createRoom", body).await?;
        Ok(answer["room_id"].as_str().context("createRoom answered no room_id")?.to_owned())
    }

    /// The event id.
    pub async fn say(&self, room_id: &str, text: &str) -> Result<String> {
        self.send_new(room_id, "m.room.message", &json!({"msgtype": "m.text", "body": text})).await
    }

    pub async fn send(&self, room_id: &str, kind: &str, txn_id: &str, content: &Value) -> Result<String> {
        let path = format!("/_matrix/client/v3/rooms/{}/send/{kind}/{txn_id}", escape(room_id));
        let answer = self.put(&path, content).await?;
        Ok(answer["event_id"].as_str().context("send answered no event_id")?.to_owned())
    }

    pub async fn set_state(&self, room_id: &str, kind: &str, key: &str, content: &Value) -> Result<String> {
        let path = format!("/_matrix/client/v3/rooms/{}/state/{kind}/{}", escape(room_id), escape(key));
        let answer = self.put(&path, content).await?;
        Ok(answer["event_id"].as_str().context("state answered no event_id")?.to_owned())
    }

    pub async fn get_state(&self, room_id: &str, kind: &str, key: &str) -> Result<Value> {
        self.get(&format!("/_matrix/client/v3/rooms/{}/state/{kind}/{}", escape(room_id), escape(key))).await
    }

    /// `join`, `invite`, `leave`, `ban`
    pub async fn membership(&self, room_id: &str, user_id: &str) -> Result<String> {
        let content = self.get_state(room_id, "m.room.member", user_id).await?;
        Ok(content["membership"].as_str().context("a member event without a membership")?.to_owned())
    }

    pub async fn kick(&self, room_id: &str, user_id: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/rooms/{}/kick", escape(room_id));
        self.post(&path, &json!({"user_id": user_id, "reason": "enough"})).await.map(drop)
    }

    pub async fn join(&self, room_id: &str) -> Result<()> {
        self.post(&format!("/_matrix/client/v3/rooms/{}/join", escape(room_id)), &json!({})).await.map(drop)
    }

    pub async fn redact(&self, room_id: &str, event_id: &str) -> Result<()> {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        let (room_id, event_id) = (escape(room_id), escape(event_id));
        self.put(&format!("/_matrix/client/v3/rooms/{room_id}/redact/{event_id}/r{number}"), &json!({})).await.map(drop)
    }

    /// An event with a transaction id of its own.
    pub async fn send_new(&self, room_id: &str, kind: &str, content: &Value) -> Result<String> {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        self.send(room_id, kind, &format!("t{number}"), content).await
    }

    /// The newest events of a room, at most `limit`, oldest first.
    pub async fn messages(&self, room_id: &str, limit: usize) -> Result<Vec<Value>> {
        let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit={}", escape(room_id), limit.min(500));
        let (mut events, mut from) = (Vec::new(), String::new());
        while events.len() < limit {
            let mut answer = self.get(&format!("{path}{from}")).await?;
            let Value::Array(page) = answer["chunk"].take() else { bail!("messages answered no chunk") };
            let Some(end) = answer["end"].as_str().filter(|_| !page.is_empty()) else {
                events.extend(page);
                break;
            };
            from = format!("&from={}", escape(end));
            events.extend(page);
        }
        events.truncate(limit);
        events.reverse();
        Ok(events)
    }

    /// Waits for an event among so many of the newest of a room; the newest that is meant.
    pub async fn find(
        &self,
        room_id: &str,
        among: usize,
        what: &str,
        is_meant: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        until(what, || async {
            let events = self.messages(room_id, among).await?;
            let brief = || events.iter().map(|e| format!("{} {}", e["type"], e["content"])).collect::<Vec<_>>();
            let found = events.iter().rev().find(|event| is_meant(event)).cloned();
            found.with_context(|| format!("the room has {:#?}", brief()))
        })
        .await
    }

    /// The texts of `m.room.message` events by others, oldest first; what a bridge's bot says of the room is left out.
    pub async fn heard(&self, room_id: &str, limit: usize) -> Result<Vec<String>> {
        Ok(self
            .messages(room_id, limit)
            .await?
            .iter()
            .filter(|event| event["type"] == "m.room.message" && event["sender"] != self.user_id)
            .filter(|event| event["sender"].as_str().is_none_or(|sender| !sender.starts_with("@ircbot:")))
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
