//! Logging in: a bot's token.

use causeway_sdk::login::{self, Action, Answer, Complete, Flow, InputField, InputKind, Profile, Step};
use causeway_sdk::{Error, ErrorKind, kv, secrets};

use crate::api::User;
use crate::call::{Call, Failure};
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
        description: "A bot of your own, made on Discord's developer portal".to_owned(),
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
            "On discord.com/developers/applications: New Application, then Bot. Switch «Message Content Intent» on there, and \
            give the token that «Reset Token» shows."
                .to_owned(),
        action: Action::UserInput(vec![InputField {
            id: "token".to_owned(),
            kind: InputKind::Token,
            name: "Token".to_owned(),
            description: "Three parts with dots between them".to_owned(),
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
    let token = token.strip_prefix("Bot ").unwrap_or(token);
    if !is_token(token) {
        return Err(Error::new(
            ErrorKind::BadRequest,
            "token: that is none; it has three parts with dots between them",
        ));
    }
    let me: User = Call::get("/users/@me").send(&config.api_base, token).map_err(told)?;
    let login = me.id.to_string();
    if replaces.as_ref().is_some_and(|replaced| *replaced != login) {
        return Err(Error::new(ErrorKind::BadRequest, "token: it is another bot's; log that one in on its own"));
    }
    secrets::set(&format!("login/{login}/{TOKEN}"), token.as_bytes())?;
    kv::delete(&row);
    Ok(Step {
        id: "done".to_owned(),
        instructions: String::new(),
        action: Action::Complete(Complete {
            login: login.clone(),
            ghost: Some(login),
            remote_name: me.name().to_owned(),
            profile: Profile {
                name: Some(me.name().to_owned()),
                username: Some(me.username.clone()),
                phone: None,
                email: None,
                avatar: None,
            },
        }),
    })
}

/// What may stand in a header as it is.
fn is_token(text: &str) -> bool {
    let is_plain =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-=+/".contains(c));
    text.split('.').count() == 3 && text.split('.').all(is_plain)
}

fn told(failure: Failure) -> Error {
    match failure {
        Failure::Api(error) if error.status == 401 => Error::new(
            ErrorKind::BadCredentials,
            "token: Discord knows no such bot; copy it from the developer portal once more",
        ),
        Failure::Api(error) => Error::new(ErrorKind::Internal, format!("Discord says: {}", error.message)),
        Failure::Host(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;
    use serde_json::json;

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
        for wrong in ["", "abc", "a.b", "a..c", "a.b.c\nd", "a.b.c d"] {
            let error = answer(&config(), "p", STEP, fields(wrong)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{wrong:?}");
        }
        assert_eq!(testing::take().requests.len(), 0);
    }

    #[test]
    fn the_token_is_a_secret_of_the_login_that_discord_names() {
        testing::take();
        let me = json!({"id": "77", "username": "harbor", "global_name": null, "bot": true});
        testing::with(|host| host.answers.push_back(Ok(me.to_string())));
        start("p", FLOW, None).unwrap();
        let step = answer(&config(), "p", STEP, fields(" Bot NzAx.AAAA.secret-of ")).unwrap();
        let Action::Complete(complete) = step.action else { panic!("expected the end") };
        assert_eq!((complete.login.as_str(), complete.remote_name.as_str()), ("77", "harbor"));
        let host = testing::take();
        assert_eq!(host.secrets["login/77/token"], b"NzAx.AAAA.secret-of");
        assert!(host.kv.is_empty());
        let request = &host.requests[0].1;
        assert_eq!(request.url, "https://discord.com/api/v10/users/@me");
        assert!(request.headers.contains(&("authorization".into(), "Bot NzAx.AAAA.secret-of".into())));
    }

    #[test]
    fn another_bots_token_replaces_nothing() {
        testing::take();
        testing::with(|host| host.answers.push_back(Ok(json!({"id": "78", "username": "x"}).to_string())));
        start("p", FLOW, Some("77")).unwrap();
        let error = answer(&config(), "p", STEP, fields("a.b.c")).unwrap_err();
        assert!(error.message.contains("another bot's"), "{error:?}");
        assert!(testing::take().secrets.is_empty());
    }
}
