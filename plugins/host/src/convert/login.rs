use super::{Convert, engine, enums, records, wit};
use wit::login_types as login;

enums! {
    login::InputKind => engine::InputKind {
        Username, Password, Phone, Email, Code2fa, Token, Url, Domain, Choice, Captcha, Text,
    }
    login::DisplayKind => engine::DisplayKind { Qr, Emoji, Code, Link, Nothing }
}

records! {
    login::Flow => engine::Flow { id, name, description }
    login::InputField => engine::InputField { id, kind, name, description, default_value, pattern, options, secret }
    login::Display => engine::Display { kind, data, expires_ms }
    login::CookieField => engine::CookieField { id, required, sources, pattern }
    login::Cookies => engine::Cookies { url, user_agent, fields, wait_url_pattern }
    login::Profile => engine::Profile { name, username, phone, email, avatar }
    login::Complete => engine::Complete { login, ghost, remote_name, profile }
    login::Step => engine::Step { id, instructions, action }
    engine::Session => login::Session { login, owner, remote_name }
}

impl Convert<engine::CookieSource> for login::CookieSource {
    fn convert(self) -> engine::CookieSource {
        match self {
            Self::Cookie((name, domain)) => engine::CookieSource::Cookie(name, domain),
            Self::LocalStorage(key) => engine::CookieSource::LocalStorage(key),
            Self::RequestHeader((url, name)) => engine::CookieSource::RequestHeader(url, name),
            Self::RequestBody((url, field)) => engine::CookieSource::RequestBody(url, field),
        }
    }
}

impl Convert<engine::Action> for login::Action {
    fn convert(self) -> engine::Action {
        match self {
            Self::UserInput(fields) => engine::Action::UserInput(fields.convert()),
            Self::Cookies(cookies) => engine::Action::Cookies(cookies.convert()),
            Self::DisplayAndWait(display) => engine::Action::DisplayAndWait(display.convert()),
            Self::Webauthn((origin, options)) => engine::Action::Webauthn(origin, options),
            Self::Complete(complete) => engine::Action::Complete(complete.convert()),
        }
    }
}

impl Convert<login::Answer> for engine::Answer {
    fn convert(self) -> login::Answer {
        match self {
            Self::Fields(fields) => login::Answer::Fields(fields),
            Self::Webauthn(response) => login::Answer::Webauthn(response),
            Self::Cancelled => login::Answer::Cancelled,
        }
    }
}
