//! One user's connection. As lean as can be: what asks shares its two cores with what is measured.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use causeway_blackbox::escape;
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

pub struct Caller {
    connection: Mutex<SendRequest<String>>,
    authority: String,
    /// empty: nobody's
    token: String,
    pub user_id: String,
    /// an appservice's: every request says for whom it speaks
    masquerades: bool,
    transactions: AtomicU64,
}

impl Caller {
    /// # Errors
    /// When nobody listens at `authority` (host and port).
    pub async fn connect(authority: &str, token: &str, user_id: &str, masquerades: bool) -> Result<Self> {
        let stream = TcpStream::connect(authority).await.with_context(|| format!("connecting to {authority}"))?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        // It ends with the connection, and a request on a broken one fails by itself.
        tokio::spawn(async { driver.await.unwrap_or_default() });
        Ok(Self {
            connection: Mutex::new(connection),
            authority: authority.to_owned(),
            token: token.to_owned(),
            user_id: user_id.to_owned(),
            masquerades,
            transactions: AtomicU64::new(0),
        })
    }

    /// `path` from `/_matrix/…` on; fails unless it is answered with 200.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let uri = match self.masquerades {
            true => format!("{path}{joint}user_id={}", escape(&self.user_id)),
            false => path.to_owned(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json");
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let request = request.body(body.map_or_else(String::new, Value::to_string))?;
        let mut connection = self.connection.lock().await;
        connection.ready().await.context("the connection has ended")?;
        let response = connection.send_request(request).await.with_context(|| format!("asking {path}"))?;
        let status = response.status();
        let answer: Bytes = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{path} answered {status} {}", String::from_utf8_lossy(&answer));
        }
        serde_json::from_slice(&answer).with_context(|| format!("{path} answered no JSON"))
    }

    /// A user of the appservice whose token this is.
    pub async fn register(&self, localpart: &str) -> Result<()> {
        let body = json!({"type": "m.login.application_service", "username": localpart, "inhibit_login": true});
        self.call(Method::POST, "/_matrix/client/v3/register", Some(&body)).await.map(drop)
    }

    pub async fn create_room(&self, body: &Value) -> Result<String> {
        let answer = self.call(Method::POST, "/_matrix/client/v3/createRoom", Some(body)).await?;
        Ok(answer["room_id"].as_str().context("createRoom answered no room_id")?.to_owned())
    }

    pub async fn join(&self, room_id: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/rooms/{}/join", escape(room_id));
        self.call(Method::POST, &path, Some(&json!({}))).await.map(drop)
    }

    /// The event id.
    pub async fn say(&self, room_id: &str, text: &str) -> Result<String> {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/t{number}", escape(room_id));
        let body = json!({"msgtype": "m.text", "body": text});
        let answer = self.call(Method::PUT, &path, Some(&body)).await?;
        Ok(answer["event_id"].as_str().context("send answered no event_id")?.to_owned())
    }
}
