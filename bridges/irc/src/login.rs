//! Logging in: a nick, and the password of its account if it has one.

use causeway_sdk::login::{self, Action, Answer, Complete, Flow, InputField, InputKind, Profile, Step};
use causeway_sdk::{Error, ErrorKind, kv, secrets};
use serde::{Deserialize, Serialize};

use crate::casemap::CaseMapping;
use crate::config::{Config, valid_nick};
use crate::id;

pub const FLOW: &str = "nick";
const STEP: &str = "account";

/// What a login holds, in its own row; the password is a secret beside it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Account {
    pub nick: String,
    pub username: String,
    pub realname: String,
    pub auto_join: Vec<String>,
}

impl Account {
    pub fn load() -> Self {
        kv::get_json("account").unwrap_or_default()
    }
}

/// The login's password, where it has one.
pub fn password() -> Option<String> {
    secrets::get("password").and_then(|bytes| String::from_utf8(bytes).ok())
}

pub fn flows() -> Vec<Flow> {
    vec![Flow {
        id: FLOW.to_owned(),
        name: "Nick".to_owned(),
        description: "A nick on the network, with the password of its account if it is registered".to_owned(),
    }]
}

/// The one step. `owner` is remembered with the process until it is answered.
pub fn start(config: &Config, process: &str, flow: &str, owner: &str, replaces: Option<&str>) -> Result<Step, Error> {
    if flow != FLOW {
        return Err(Error::new(ErrorKind::NotFound, format!("no login flow {flow:?}; there is {FLOW:?}")));
    }
    kv::set_json(&format!("process {process}"), &(owner, replaces))?;
    let nick = config.nick_for(owner);
    let field = |id: &str, kind, name: &str, description: &str, default: Option<&str>, secret| InputField {
        id: id.to_owned(),
        kind,
        name: name.to_owned(),
        description: description.to_owned(),
        default_value: default.map(str::to_owned),
        pattern: None,
        options: Vec::new(),
        secret,
    };
    Ok(Step {
        id: STEP.to_owned(),
        instructions: format!("How you will be known on {}.", config.server),
        action: Action::UserInput(vec![
            field("nick", InputKind::Username, "Nick", "The name that others see", Some(&nick), false),
            field(
                "username",
                InputKind::Text,
                "User name",
                "The account's name if it differs from the nick",
                Some(""),
                false,
            ),
            field("realname", InputKind::Text, "Real name", "Shown to who asks for it", Some(owner), false),
            field(
                "password",
                InputKind::Password,
                "Password",
                "Of the account (SASL); empty without one",
                Some(""),
                true,
            ),
            field("auto_join", InputKind::Text, "Channels", "To join at once: #one, #two key", Some(""), false),
        ]),
    })
}

pub fn answer(process: &str, step: &str, answer: Answer) -> Result<Step, Error> {
    let row = format!("process {process}");
    let ((owner, replaces), fields) = login::fields::<(String, Option<String>)>(&row, STEP, step, answer)?;
    let field = |id: &str| fields.iter().find(|(key, _)| key == id).map(|(_, v)| v.trim()).filter(|v| !v.is_empty());
    let nick = field("nick").ok_or_else(|| Error::new(ErrorKind::BadRequest, "nick: is needed"))?;
    if valid_nick(nick) != nick {
        return Err(Error::new(
            ErrorKind::BadRequest,
            format!("nick: {nick:?} is none that IRC takes; letters, digits and []\\`_^{{|}}- do, not a digit first"),
        ));
    }
    let account = Account {
        nick: nick.to_owned(),
        username: field("username").unwrap_or(nick).to_owned(),
        realname: field("realname").unwrap_or(&owner).to_owned(),
        auto_join: field("auto_join").map(channel_list).unwrap_or_default(),
    };
    let login = replaces.unwrap_or_else(|| id::login(nick, &owner));
    kv::set_json(&format!("login/{login}/account"), &account)?;
    if let Some(password) = field("password") {
        secrets::set(&format!("login/{login}/password"), password.as_bytes())?;
    }
    kv::delete(&row);
    Ok(Step {
        id: "done".to_owned(),
        instructions: String::new(),
        action: Action::Complete(Complete {
            login,
            ghost: Some(CaseMapping::default().fold(nick)),
            remote_name: nick.to_owned(),
            profile: Profile {
                name: Some(nick.to_owned()),
                username: Some(nick.to_owned()),
                phone: None,
                email: None,
                avatar: None,
            },
        }),
    })
}

/// `#one, #two key` or `#one #two`, each channel with its key after it.
fn channel_list(text: &str) -> Vec<String> {
    let mut channels: Vec<String> = Vec::new();
    for part in text.split(',') {
        let mut is_first = true;
        for word in part.split_whitespace() {
            match channels.last_mut() {
                Some(last) if !is_first && !word.starts_with(['#', '&', '!']) => {
                    last.push(' ');
                    last.push_str(word);
                }
                _ => channels.push(word.to_owned()),
            }
            is_first = false;
        }
    }
    channels
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;

    use super::*;

    fn config() -> Config {
        Config::parse(r#"{"server": "irc.example.org"}"#).unwrap()
    }

    fn fields(pairs: &[(&str, &str)]) -> Answer {
        Answer::Fields(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn the_answer_completes_and_keeps_the_password_a_secret() {
        testing::take();
        let step = start(&config(), "p1", FLOW, "@alice:example.org", None).unwrap();
        let Action::UserInput(inputs) = step.action else { panic!("expected fields") };
        assert_eq!(inputs[0].default_value.as_deref(), Some("alice"));

        let step =
            answer("p1", STEP, fields(&[("nick", "Al"), ("password", "pw"), ("auto_join", "#a, #b key #c")])).unwrap();
        let Action::Complete(complete) = step.action else { panic!("expected the end") };
        assert_eq!(complete.login, "al~alice:example.org");
        let host = testing::take();
        let account: Account = serde_json::from_slice(&host.kv["login/al~alice:example.org/account"]).unwrap();
        assert_eq!((account.username.as_str(), account.realname.as_str()), ("Al", "@alice:example.org"));
        assert_eq!(account.auto_join, ["#a", "#b key", "#c"]);
        assert_eq!(host.secrets["login/al~alice:example.org/password"], b"pw");
        assert!(!host.kv.contains_key("process p1"));
    }

    #[test]
    fn a_nick_that_irc_refuses_is_refused_here() {
        testing::take();
        start(&config(), "p1", FLOW, "@alice:example.org", None).unwrap();
        let error = answer("p1", STEP, fields(&[("nick", "a b")])).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(answer("p1", STEP, fields(&[("nick", "ab")])).is_ok(), "the step can be answered again");
    }

    #[test]
    fn an_unknown_process_is_not_found() {
        testing::take();
        assert_eq!(answer("p9", STEP, fields(&[("nick", "x")])).unwrap_err().kind, ErrorKind::NotFound);
    }
}
