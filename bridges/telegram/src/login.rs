//! Logging in: a bot's token.

use causeway_sdk::login::{self, Action, Answer, Complete, Flow, InputField, InputKind, Profile, Step};
use causeway_sdk::{Error, ErrorKind, kv, secrets};
use serde_json::json;

use crate::api::User;
use crate::call::{ApiError, Call, Failure};
use crate::config::Config;

pub const FLOW: &str = "bot";
const STEP: &str = "token";
/// The secret that a login holds.
const TOKEN: &str = "token";

/// The login's token.
pub fn token() -> String {
    secrets::get(TOKEN).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

pub fn flows() -> Vec<Flow> {
    vec![Flow {
        id: FLOW.to_owned(),
        name: "Bot".to_owned(),
        description: "A bot of your own, made at @BotFather".to_owned(),
    }]
}

pub fn start(process: &str, flow: &str, replaces: Option<&str>) -> Result<Step, Error> {
    if flow != FLOW {
        return Err(Error::new(ErrorKind::NotFound, format!("no login flow {flow:?}; there is {FLOW:?}")));
    }
    kv::set_json(&format!("process {process}"), &replaces)?;
    Ok(Step {
        id: STEP.to_owned(),
        instructions:
            "In Telegram, talk to @BotFather: /newbot makes a bot and answers its token. To bridge groups, turn \
            its privacy mode off there first (/setprivacy), or make it an administrator of the group."
                .to_owned(),
        action: Action::UserInput(vec![InputField {
            id: "token".to_owned(),
            kind: InputKind::Token,
            name: "Token".to_owned(),
            description: "As BotFather gave it: 123456789:ABC…".to_owned(),
            default_value: None,
            pattern: None,
            options: Vec::new(),
            secret: true,
        }]),
    })
}

pub fn answer(config: &Config, process: &str, step: &str, answer: Answer) -> Result<Step, Error> {
    let row = format!("process {process}");
    let (replaces, fields) = login::fields::<Option<String>>(&row, STEP, step, answer)?;
    let token = fields.iter().find(|(key, _)| key == "token").map(|(_, value)| value.trim()).unwrap_or_default();
    if !is_token(token) {
        return Err(Error::new(ErrorKind::BadRequest, "token: that is none; it looks like 123456789:ABC…"));
    }
    let me: User = Call::new("getMe", json!({})).send(&config.api_base, token).map_err(told)?;
    let login = me.id.to_string();
    if replaces.as_ref().is_some_and(|replaced| *replaced != login) {
        return Err(Error::new(ErrorKind::BadRequest, "token: it is another bot's; log that one in on its own"));
    }
    secrets::set(&format!("login/{login}/{TOKEN}"), token.as_bytes())?;
    kv::delete(&row);
    let name = me.username.as_ref().map_or_else(|| me.name(), |username| format!("@{username}"));
    Ok(Step {
        id: "done".to_owned(),
        instructions: String::new(),
        action: Action::Complete(Complete {
            login: login.clone(),
            ghost: Some(login),
            remote_name: name,
            profile: Profile { name: Some(me.name()), username: me.username, phone: None, email: None, avatar: None },
        }),
    })
}

/// `123456789:ABC…`: what may stand in a URL's path as it is.
fn is_token(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    text.split_once(':').is_some_and(|(id, secret)| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) && !secret.is_empty() && secret.chars().all(is_plain)
    })
}

fn told(failure: Failure) -> Error {
    match failure {
        Failure::Api(ApiError { code: 401 | 404, .. }) => {
            Error::new(ErrorKind::BadCredentials, "token: Telegram knows no such bot; copy it from BotFather once more")
        }
        Failure::Api(error) => Error::new(ErrorKind::Internal, format!("Telegram says: {}", error.description)),
        Failure::Host(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;

    use super::*;

    fn fields(token: &str) -> Answer {
        Answer::Fields(vec![("token".to_owned(), token.to_owned())])
    }

    fn config() -> Config {
        Config::parse("{}").unwrap()
    }

    #[test]
    fn what_is_no_token_is_not_asked_for() {
        testing::take();
        start("p", FLOW, None).unwrap();
        for wrong in ["", "abc", "12:", "x12:abc", "12:a/b", "12:a b"] {
            let error = answer(&config(), "p", STEP, fields(wrong)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{wrong:?}");
        }
        assert_eq!(testing::take().requests.len(), 0);
    }

    #[test]
    fn the_token_is_a_secret_of_the_login_that_get_me_names() {
        testing::take();
        testing::with(|host| {
            host.answers.push_back(Ok(json!({"ok": true, "result": {
                "id": 77, "is_bot": true, "first_name": "Harbor", "username": "harborbot"}})
            .to_string()));
        });
        start("p", FLOW, None).unwrap();
        let step = answer(&config(), "p", STEP, fields(" 77:secret ")).unwrap();
        let Action::Complete(complete) = step.action else { panic!("expected the end") };
        assert_eq!((complete.login.as_str(), complete.remote_name.as_str()), ("77", "@harborbot"));
        let host = testing::take();
        assert_eq!(host.secrets["login/77/token"], b"77:secret");
        assert!(host.kv.is_empty());
        assert_eq!(host.requests[0].1.url, "https://api.telegram.org/bot77:secret/getMe");
    }

    #[test]
    fn a_token_that_telegram_refuses_is_said_to_be_wrong() {
        testing::take();
        let refusal = json!({"ok": false, "error_code": 401, "description": "Unauthorized"}).to_string();
        testing::with(|host| host.answers.push_back(Ok(refusal)));
        start("p", FLOW, None).unwrap();
        let error = answer(&config(), "p", STEP, fields("77:secret")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadCredentials);
        assert!(!error.message.contains("secret"));
    }
}
