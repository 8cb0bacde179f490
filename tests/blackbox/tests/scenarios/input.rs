//! Input that is wrong: the documented error each, and the hub goes on.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Hub, HubOptions, escape, http_client, scenario};
use causeway_emulators::appservice::RecordingAppservice;
use reqwest::Method;
use serde_json::{Value, json};

struct Desk {
    hub: Hub,
    alice: Client,
    room_id: String,
    http: reqwest::Client,
}

impl Desk {
    async fn set() -> Result<Self> {
        let hub =
            Hub::start(HubOptions { config: "max_upload_size: 1M\n".to_owned(), ..HubOptions::default() }).await?;
        let alice = hub.user("alice").await?;
        let room_id = alice.create_room(&json!({})).await?;
        Ok(Self { hub, alice, room_id, http: http_client()? })
    }

    fn send_path(&self, txn_id: &str) -> String {
        format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{txn_id}", escape(&self.room_id))
    }

    /// Status and error code of a request with these bytes as its body.
    async fn refused(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: impl Into<Vec<u8>>,
    ) -> Result<(u16, String)> {
        let mut request = self.http.request(method, format!("{}{path}", self.hub.url())).body(body.into());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.header("content-type", "application/json").send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let answer: Value = serde_json::from_str(&text).with_context(|| format!("{path} answered {status} {text}"))?;
        ensure!(answer["error"].is_string(), "{path} answered {status} {answer}");
        Ok((status, answer["errcode"].as_str().unwrap_or_default().to_owned()))
    }
}

fn is(status: u16, errcode: &str) -> (u16, String) {
    (status, errcode.to_owned())
}

#[test]
fn bodies_that_are_no_json_or_of_the_wrong_shape_are_refused() -> Result<()> {
    scenario(async {
        let desk = Desk::set().await?;
        let token = Some(desk.alice.token());
        let create = "/_matrix/client/v3/createRoom";
        assert_eq!(desk.refused(Method::PUT, &desk.send_path("a"), token, "{\"body\": ").await?, is(400, "M_NOT_JSON"));
        assert_eq!(desk.refused(Method::POST, create, token, "{\"invite\"").await?, is(400, "M_NOT_JSON"));
        assert_eq!(desk.refused(Method::POST, create, token, b"\xff\xfe".to_vec()).await?, is(400, "M_NOT_JSON"));
        assert_eq!(desk.refused(Method::PUT, &desk.send_path("b"), token, "[1, 2]").await?, is(400, "M_BAD_JSON"));
        assert_eq!(desk.refused(Method::POST, create, token, r#"{"invite": "bob"}"#).await?, is(400, "M_BAD_JSON"));
        let version = r#"{"room_version": "99"}"#;
        assert_eq!(desk.refused(Method::POST, create, token, version).await?, is(400, "M_UNSUPPORTED_ROOM_VERSION"));
        desk.alice.say(&desk.room_id, "the hub goes on").await.map(drop)
    })
}

#[test]
fn events_and_uploads_that_are_too_large_are_refused() -> Result<()> {
    scenario(async {
        let desk = Desk::set().await?;
        let token = Some(desk.alice.token());
        let event = json!({"msgtype": "m.text", "body": "x".repeat(65_536)}).to_string();
        assert_eq!(desk.refused(Method::PUT, &desk.send_path("a"), token, event).await?, is(413, "M_TOO_LARGE"));
        let fits = json!({"msgtype": "m.text", "body": "x".repeat(60_000)});
        desk.alice.send(&desk.room_id, "m.room.message", "b", &fits).await?;
        let create = "/_matrix/client/v3/createRoom";
        assert_eq!(desk.refused(Method::POST, create, token, vec![b' '; (4 << 20) + 1]).await?, is(413, "M_TOO_LARGE"));
        let upload = "/_matrix/media/v3/upload";
        assert_eq!(desk.refused(Method::POST, upload, token, vec![0; (1 << 20) + 1]).await?, is(413, "M_TOO_LARGE"));
        Ok(())
    })
}

#[test]
fn unknown_tokens_paths_and_methods_have_their_own_errors() -> Result<()> {
    scenario(async {
        let desk = Desk::set().await?;
        let token = Some(desk.alice.token());
        let whoami = "/_matrix/client/v3/account/whoami";
        assert_eq!(desk.refused(Method::GET, whoami, None, "").await?, is(401, "M_MISSING_TOKEN"));
        assert_eq!(desk.refused(Method::GET, whoami, Some("nobody's"), "").await?, is(401, "M_UNKNOWN_TOKEN"));
        assert_eq!(desk.refused(Method::GET, "/_matrix/client/v3/teapot", token, "").await?, is(404, "M_UNRECOGNIZED"));
        assert_eq!(desk.refused(Method::DELETE, whoami, token, "").await?, is(405, "M_UNRECOGNIZED"));
        Ok(())
    })
}

#[test]
fn others_rooms_and_wrong_ids_are_refused() -> Result<()> {
    scenario(async {
        let desk = Desk::set().await?;
        let bob = desk.hub.user("bob").await?;
        let token = Some(bob.token());
        let text = r#"{"msgtype": "m.text", "body": "let me in"}"#;
        assert_eq!(desk.refused(Method::PUT, &desk.send_path("a"), token, text).await?, is(403, "M_FORBIDDEN"));
        let join = format!("/_matrix/client/v3/rooms/{}/join", escape(&desk.room_id));
        assert_eq!(desk.refused(Method::POST, &join, token, "{}").await?, is(403, "M_FORBIDDEN"));
        let nowhere = "/_matrix/client/v3/directory/room/%23nowhere%3Acauseway.test";
        assert_eq!(desk.refused(Method::GET, nowhere, token, "").await?, is(404, "M_NOT_FOUND"));
        Ok(())
    })
}

#[test]
fn config_mistakes_are_named_with_line_and_mend() -> Result<()> {
    scenario(async {
        let hub = Hub::start(HubOptions::default()).await?;
        hub.command(&["check-config"]).await?;
        let good = std::fs::read_to_string(hub.config())?;
        std::fs::write(hub.config(), format!("{good}enable_registratoin: true\nmax_upload_size: big\n"))?;
        let lines = good.lines().count();
        let error = hub.command(&["check-config"]).await.expect_err("the config has mistakes").to_string();
        let file = hub.config().display().to_string();
        assert!(
            error.contains(&format!("{file}:{}: enable_registratoin: unknown key; did you mean", lines + 1)),
            "{error}"
        );
        assert!(error.contains(&format!("{file}:{}: max_upload_size: must be a size", lines + 2)), "{error}");
        Ok(())
    })
}

#[test]
fn registration_that_conflicts_is_refused_with_both_ids_named() -> Result<()> {
    scenario(async {
        let hub = Hub::start(HubOptions::default()).await?;
        let (first, second) = (RecordingAppservice::start()?, RecordingAppservice::start()?);
        hub.add_registration("gulls", &first.registration("gulls")).await?;
        let greedy = second.registration("terns").replace("'@terns_.*'", "'@gulls_b.*'");
        let error = hub.add_registration("terns", &greedy).await.expect_err("the namespaces overlap").to_string();
        assert!(error.contains("gulls") && error.contains("terns"), "{error}");
        let twin = first.registration("twin").replace("twin_", "other_");
        let error = hub.add_registration("twin", &twin).await.expect_err("the tokens are the same").to_string();
        assert!(error.contains("gulls") && !error.contains(first.as_token()), "{error}");
        let error = hub.add_registration("broken", "id: broken\nurl: [").await.expect_err("it is no YAML").to_string();
        assert!(error.contains("broken.yaml:"), "{error}");
        let list = hub.command(&["registration", "list", "--json"]).await?;
        assert_eq!(list["registrations"].as_array().map(Vec::len), Some(1), "{list}");
        Ok(())
    })
}
