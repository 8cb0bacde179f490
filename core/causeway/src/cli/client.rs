//! How a command finds the running hub: the admin socket named in its config, or `--url` with `--token`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::config;

/// Where the hub is; part of every command that acts on a running one.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// The hub's configuration file
    #[arg(short, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml", global = true)]
    pub config: PathBuf,
    /// A remote hub's base URL, instead of the local admin socket
    #[arg(long, requires = "token", global = true)]
    pub url: Option<String>,
    /// An admin's access token, with --url
    #[arg(long, env = "CAUSEWAY_TOKEN", hide_env_values = true, global = true)]
    pub token: Option<String>,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub json: bool,
}

/// A command that acts on a running hub.
#[derive(clap::Args)]
pub struct OnHub<C: clap::Subcommand> {
    #[command(subcommand)]
    pub command: C,
    #[command(flatten)]
    pub target: Target,
}

/// Nobody listens where the hub would.
#[derive(Debug, thiserror::Error)]
#[error("no hub answers at {whereabouts}; start it with `causeway serve`")]
pub struct NoHub {
    whereabouts: String,
}

/// The admin API of a running hub.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    whereabouts: String,
}

impl Client {
    pub fn new(target: &Target) -> anyhow::Result<Self> {
        let builder = reqwest::Client::builder().no_proxy();
        if let Some(url) = &target.url {
            let http = builder.build().context("setting up the HTTP client")?;
            return Ok(Self {
                http,
                base: url.trim_end_matches('/').to_owned(),
                token: target.token.clone(),
                whereabouts: url.clone(),
            });
        }
        let socket = admin_socket(&target.config)?;
        let http = builder.unix_socket(socket.as_path()).build().context("setting up the HTTP client")?;
        Ok(Self { http, base: "http://localhost".to_owned(), token: None, whereabouts: socket.display().to_string() })
    }

    /// `path` from `/_causeway/…` on. The answer's JSON; an error answer becomes its `error` text.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let response = self.response(method, path, body).await?;
        let status = response.status();
        let text = response.text().await.context("reading the hub's answer")?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if !status.is_success() {
            match value.get("error").and_then(Value::as_str) {
                Some(error) => bail!("{error}"),
                None => bail!("the hub answered {status}"),
            }
        }
        Ok(value)
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.request(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.request(Method::POST, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.request(Method::DELETE, path, None).await
    }

    /// The raw response, for what streams (`logs -f`).
    pub async fn response(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| {
            if error.is_connect() {
                NoHub { whereabouts: self.whereabouts.clone() }.into()
            } else {
                anyhow::Error::new(error).context("asking the hub")
            }
        })
    }
}

fn admin_socket(config: &Path) -> anyhow::Result<PathBuf> {
    Ok(config::load(config)?.config.own.admin_socket)
}
