//! Ways to log in that no bundled bridge has yet: a code to scan, and a cookie with a second factor.

use std::time::Duration;

use causeway_sdk::http::{self, Payload, Request};
use causeway_sdk::login::{
    Action, Answer, Complete, CookieField, CookieSource, Cookies, Display, DisplayKind, Flow, InputField, InputKind,
    Profile, Step,
};
use causeway_sdk::{Error, ErrorKind, state, timers};

const SCAN: &str = "scan";
const COOKIES: &str = "cookies";
const CODE: &str = "code";
/// Between two codes.
const LIFE: Duration = Duration::from_millis(700);

pub fn flows() -> Vec<Flow> {
    let flow = |id: &str, name: &str, description: &str| Flow {
        id: id.into(),
        name: name.into(),
        description: description.into(),
    };
    vec![
        flow(SCAN, "Phone", "Scan a code with the app on your phone"),
        flow(COOKIES, "Browser", "Take a session over from your browser"),
    ]
}

pub fn start(process: &str, flow: &str) -> Result<Step, Error> {
    match flow {
        SCAN => Ok(code(process, 1)),
        COOKIES => Ok(cookies()),
        _ => Err(Error::new(ErrorKind::NotFound, "there is no such flow")),
    }
}

pub fn answer(step: &str, answer: &Answer) -> Result<Step, Error> {
    let refused = |text: &str| Err(Error::new(ErrorKind::BadRequest, text));
    let Answer::Fields(fields) = answer else { return refused("cancelled") };
    let given = |id: &str| fields.iter().find(|(key, _)| key == id).map_or("", |(_, value)| value.as_str());
    match step {
        COOKIES if given("session").is_empty() => refused("session: it is empty; copy the cookie's value"),
        COOKIES => Ok(second_factor()),
        CODE if given(CODE) != "123456" => refused("code: that is not it; the app shows another one by now"),
        CODE => Ok(complete()),
        _ => refused("there is nothing to answer"),
    }
}

/// A code's time is over. The phone has scanned one when the far end says so.
pub fn rang(far_end: &str, name: &str) -> bool {
    let Some((process, count)) = name.strip_prefix("code/").and_then(|rest| rest.split_once('/')) else { return false };
    let count: u32 = count.parse().unwrap_or_default();
    let step = if is_scanned(far_end) { complete() } else { code(process, count + 1) };
    state::login_advance(process, Ok(&step));
    true
}

fn code(process: &str, count: u32) -> Step {
    timers::set(&format!("code/{process}/{count}"), LIFE);
    let display = Display {
        kind: DisplayKind::Qr,
        data: format!("harbor://link?process={process}&code={count}"),
        expires_ms: u64::try_from(LIFE.as_millis()).ok(),
    };
    Step {
        id: SCAN.into(),
        instructions: "Open the app on your phone, choose “Linked devices”, and scan this code.".into(),
        action: Action::DisplayAndWait(display),
    }
}

fn cookies() -> Step {
    let field = CookieField {
        id: "session".into(),
        required: true,
        sources: vec![CookieSource::Cookie(("session".into(), "harbor.example".into()))],
        pattern: None,
    };
    let cookies = Cookies {
        url: "https://harbor.example/login".into(),
        user_agent: None,
        fields: vec![field],
        wait_url_pattern: None,
    };
    Step { id: COOKIES.into(), instructions: String::new(), action: Action::Cookies(cookies) }
}

fn second_factor() -> Step {
    let field = InputField {
        id: CODE.into(),
        kind: InputKind::Code2fa,
        name: "Code".into(),
        description: "Six digits".into(),
        default_value: None,
        pattern: None,
        options: Vec::new(),
        secret: false,
    };
    Step {
        id: CODE.into(),
        instructions: "Your account has a second factor.".into(),
        action: Action::UserInput(vec![field]),
    }
}

fn complete() -> Step {
    let profile = Profile { name: None, username: None, phone: None, email: None, avatar: None };
    let complete = Complete { login: "pier".into(), ghost: None, remote_name: "Pier".into(), profile };
    Step { id: "done".into(), instructions: String::new(), action: Action::Complete(complete) }
}

fn is_scanned(far_end: &str) -> bool {
    let request = Request {
        method: "GET".into(),
        url: far_end.into(),
        headers: Vec::new(),
        payload: Payload::Empty,
        timeout_ms: 5_000,
        max_response: 1_000,
    };
    http::send(&request).is_ok_and(|response| response.status == 200)
}
