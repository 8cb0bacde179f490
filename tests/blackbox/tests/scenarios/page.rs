//! The page on which a person logs in to networks: in a browser, by the keyboard alone, and against those who mean ill.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Hub, HubOptions, free_port, http_client, node_script, scenario};
use causeway_emulators::telegram::Telegram;
use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

#[test]
fn a_form_is_filled_in_by_the_keyboard_alone() -> Result<()> {
    scenario(async {
        let telegram = Telegram::start()?;
        let token = telegram.bot(7001, "Harbor bot", "harborbot");
        let hub = Hub::start(HubOptions::default()).await?;
        hub.user("alice").await?;
        hub.install_telegram("telegram", &telegram.url()).await?;
        look(&hub, "page_form.mjs", json!({ "token": token })).await
    })
}

#[test]
fn a_code_is_renewed_until_it_is_scanned() -> Result<()> {
    scenario(async {
        let hub = Hub::start(HubOptions::default()).await?;
        hub.user("bob").await?;
        let far_end = free_port()?;
        install_hostile(&hub, far_end).await?;
        look(&hub, "page_scan.mjs", json!({ "far_end_port": far_end })).await
    })
}

#[test]
fn a_session_changes_only_what_is_its_users_and_only_from_the_page() -> Result<()> {
    scenario(async {
        let hub = Hub::start(HubOptions::default()).await?;
        hub.user("alice").await?;
        let bob_elsewhere = hub.user("bob").await?;
        install_hostile(&hub, free_port()?).await?;
        let alice = Visitor::sign_in(&hub, "alice").await?;
        let bob = Visitor::sign_in(&hub, "bob").await?;

        let start = json!({"flow": "cookies"});
        let process = alice.change(Method::POST, "networks/hostile/logins", &start).await?;
        let process = format!("networks/hostile/processes/{}", process["process"].as_str().context("no process")?);
        let answer = json!({"fields": {"session": "abc"}});
        refused(bob.asks(Method::POST, &process).json(&answer), StatusCode::NOT_FOUND).await?;
        refused(bob.asks(Method::GET, &process), StatusCode::NOT_FOUND).await?;

        // Without the token, with another session's, and from another site, whatever the cookie.
        let bare = || alice.bare(Method::POST, &process).json(&answer);
        refused(bare(), StatusCode::FORBIDDEN).await?;
        refused(bare().header("x-csrf-token", &bob.csrf_token), StatusCode::FORBIDDEN).await?;
        let foreign = bare().header("x-csrf-token", &alice.csrf_token).header("sec-fetch-site", "cross-site");
        refused(foreign, StatusCode::FORBIDDEN).await?;
        // Not by a client's own token either: it is the cookie that is asked for.
        let token = http_client()?.get(hub.url() + "/_causeway/bridges/networks").bearer_auth(bob_elsewhere.token());
        refused(token, StatusCode::UNAUTHORIZED).await?;

        alice.change(Method::POST, &process, &answer).await?;
        alice.change(Method::POST, &process, &json!({"fields": {"code": "123456"}})).await?;
        let networks = alice.asks(Method::GET, "networks").send().await?.json::<Value>().await?;
        ensure!(networks["networks"][0]["logins"]["pier"]["remote_name"] == "Pier", "{networks}");
        let networks = bob.asks(Method::GET, "networks").send().await?.json::<Value>().await?;
        ensure!(networks["networks"][0]["logins"] == json!({}), "bob sees alice's login: {networks}");
        refused(bob.asks(Method::DELETE, "networks/hostile/logins/pier"), StatusCode::NOT_FOUND).await?;
        let over = json!({"flow": "scan", "replaces": "pier"});
        refused(bob.asks(Method::POST, "networks/hostile/logins").json(&over), StatusCode::NOT_FOUND).await?;

        alice.change(Method::DELETE, "session", &json!({})).await?;
        refused(alice.asks(Method::GET, "session"), StatusCode::UNAUTHORIZED).await?;
        let devices = bob_elsewhere.get("/_matrix/client/v3/devices").await?;
        let pages = devices["devices"].as_array().into_iter().flatten();
        let pages = pages.filter(|device| device["display_name"] == "The bridges' page").count();
        ensure!(pages == 1, "bob's sessions are {devices}");
        Ok(())
    })
}

/// A browser on the page; its pictures are kept where `CAUSEWAY_PICTURES` says, for people to look at.
async fn look(hub: &Hub, script: &str, mut arguments: Value) -> Result<()> {
    let pictures = std::env::var("CAUSEWAY_PICTURES").unwrap_or_else(|_| hub.folder().display().to_string());
    arguments["url"] = format!("{}/_causeway/bridges", hub.url()).into();
    arguments["pictures"] = pictures.into();
    node_script(script, &arguments).await
}

async fn install_hostile(hub: &Hub, far_end_port: u16) -> Result<()> {
    let folder = std::env::var("CAUSEWAY_PLUGIN_DIR").context("CAUSEWAY_PLUGIN_DIR is not set")?;
    let config = json!({"far_end": format!("http://127.0.0.1:{far_end_port}/")});
    hub.install_plugin("hostile", &format!("{folder}/tests/hostile/hostile.wasm"), config).await
}

struct Visitor {
    http: reqwest::Client,
    base: String,
    cookie: String,
    csrf_token: String,
}

impl Visitor {
    async fn sign_in(hub: &Hub, user: &str) -> Result<Self> {
        let (http, base) = (http_client()?, format!("{}/_causeway/bridges", hub.url()));
        let page = http.get(format!("{base}/")).send().await?;
        let policy = page.headers().get(CONTENT_SECURITY_POLICY).context("the page has no CSP")?.to_str()?.to_owned();
        ensure!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "the CSP is {policy}");
        ensure!(policy.contains("frame-ancestors 'none'"), "the CSP is {policy}");
        ensure!(page.headers().get("access-control-allow-origin").is_none(), "other origins may read the page");
        let html = page.text().await?;
        ensure!(!html.contains("<style") && !html.contains("style=") && !html.contains("<script>"), "inline: {html}");

        let wrong = http.post(format!("{base}/session")).json(&json!({"user": user, "password": "wrong"}));
        refused(wrong, StatusCode::FORBIDDEN).await?;
        let right = || http.post(format!("{base}/session")).json(&json!({"user": user, "password": "secret"}));
        refused(right().header("sec-fetch-site", "cross-site"), StatusCode::FORBIDDEN).await?;
        let answer = right().send().await?.error_for_status()?;
        let cookie = answer.headers().get(SET_COOKIE).context("no cookie")?.to_str()?.to_owned();
        ensure!(cookie.contains("; HttpOnly; SameSite=Strict"), "the cookie is {cookie}");
        ensure!(cookie.contains("; Path=/_causeway/bridges;"), "the cookie is {cookie}");
        let session: Value = answer.json().await?;
        let cookie = cookie.split(';').next().context("an empty cookie")?.to_owned();
        let csrf_token = session["csrf_token"].as_str().context("no CSRF token")?.to_owned();
        Ok(Self { http, base, cookie, csrf_token })
    }

    /// With the cookie alone, as the browser sends it for whoever asks.
    fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/{path}", self.base)).header(COOKIE, &self.cookie)
    }

    fn asks(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header("x-csrf-token", &self.csrf_token).header("sec-fetch-site", "same-origin")
    }

    async fn change(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let response = self.asks(method, path).json(body).send().await?;
        let (status, answer) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{path} answered {status} {answer}");
        Ok(serde_json::from_str(&answer)?)
    }
}

async fn refused(request: RequestBuilder, status: StatusCode) -> Result<()> {
    let response = request.send().await?;
    let (url, got) = (response.url().to_string(), response.status());
    let text = response.text().await?;
    ensure!(got == status, "{url} answered {got} {text}, not {status}");
    ensure!(serde_json::from_str::<Value>(&text)?["errcode"].is_string(), "{url} answered {text}");
    Ok(())
}
