//! What handlers are made of: narrow parts, each of which a handler takes by its type.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use causeway_hub::account_data::AccountData;
use causeway_hub::accounts::{Accounts, PasswordPolicy};
use causeway_hub::aliases::Aliases;
use causeway_hub::deletions::Deletions;
use causeway_hub::devices::Devices;
use causeway_hub::directory::Directory;
use causeway_hub::filters::Filters;
use causeway_hub::keys::Keys;
use causeway_hub::media::Media;
use causeway_hub::presence::Presences;
use causeway_hub::previews::Previews;
use causeway_hub::profiles::Profiles;
use causeway_hub::purge::Purges;
use causeway_hub::push::Push;
use causeway_hub::receipts::Receipts;
use causeway_hub::reports::Reports;
use causeway_hub::rooms::Rooms;
use causeway_hub::search::Search;
use causeway_hub::sync::Sync;
use causeway_hub::threepids::Threepids;
use causeway_hub::timelines::Timelines;
use causeway_hub::to_device::ToDevice;
use causeway_hub::tokens::Tokens;
use causeway_hub::typing::Typing;
use causeway_hub::uia::Uia;
use causeway_router::{Registrations, Router};
use minijinja::{Environment, context};
use regex::RegexSet;
use ruma::{OwnedServerName, RoomVersionId};

use crate::admin::Nonces;
use crate::limits::RateLimits;

/// The state of the routes. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

impl Api {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Declares the parts, and that a handler may take each as `State<Type>`.
macro_rules! parts {
    ($($name:ident: $type:ty,)*) => {
        pub struct Parts { $(pub $name: $type,)* }
        $(impl FromRef<Api> for $type {
            fn from_ref(api: &Api) -> Self {
                api.$name.clone()
            }
        })*
    };
}

parts! {
    config: Arc<Config>,
    limits: RateLimits,
    accounts: Accounts,
    deletions: Deletions,
    devices: Devices,
    registrations: Registrations,
    account_data: AccountData,
    filters: Filters,
    keys: Keys,
    media: Media,
    presences: Presences,
    previews: Option<Previews>,
    profiles: Profiles,
    purges: Purges,
    push: Push,
    to_device: ToDevice,
    uia: Uia,
    nonces: Nonces,
    rooms: Rooms,
    search: Search,
    router: Router,
    tokens: Tokens,
    aliases: Aliases,
    directory: Directory,
    receipts: Receipts,
    reports: Reports,
    sync: Sync,
    threepids: Threepids,
    timelines: Timelines,
    typing: Typing,
}

/// What the edge needs of the configuration file. Not `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Config {
    pub server_name: OwnedServerName,
    /// told to clients in `.well-known`; without it there is no such document
    pub public_baseurl: Option<String>,
    pub default_room_version: RoomVersionId,
    /// for rooms that an appservice makes without naming a version; told to it by `/capabilities`
    pub appservice_default_room_version: RoomVersionId,
    /// bytes of a request's body, media excepted
    pub max_request_bytes: usize,
    pub enable_registration: bool,
    pub allow_guest_access: bool,
    pub registration_requires_token: bool,
    pub registration_shared_secret: Option<String>,
    /// further keys of `/.well-known/matrix/client`
    pub extra_well_known: serde_json::Map<String, serde_json::Value>,
    /// whether other servers are told to reach this one on port 443
    pub serve_server_wellknown: bool,
    /// `/.well-known/matrix/support`; none: there is no such document
    pub support: Option<serde_json::Value>,
    /// none: clients are told of no TURN server
    pub turn: Option<Turn>,
    /// what calls can go over (MSC4143)
    pub rtc_transports: Vec<serde_json::Value>,
    /// whether passwords log in
    pub password_login: bool,
    /// whether passwords confirm what only the account's owner may do
    pub password_confirms: bool,
    pub password_policy: PasswordPolicy,
    /// whether users may add and remove addresses
    pub threepid_changes: bool,
    /// whether an account needs an e-mail address from the start
    pub email_required: bool,
    /// what e-mail addresses have to look like; none: anything goes
    pub allowed_emails: Option<RegexSet>,
    /// hosts that the links of clients may lead to; none: anywhere
    pub next_link_domains: Option<Vec<String>>,
    /// what has to be agreed to at registration
    pub terms: Option<Terms>,
}

impl Config {
    /// Where clients and browsers reach this server, without a `/` at its end.
    pub fn base_url(&self) -> String {
        self.public_baseurl.clone().unwrap_or_else(|| format!("https://{}", self.server_name))
    }
}

/// Synapse's `turn_…`.
#[derive(Clone, Debug)]
pub struct Turn {
    pub uris: Vec<String>,
    pub access: TurnAccess,
    /// how long one answer is good for
    pub life: Duration,
    pub guests: bool,
}

#[derive(Clone)]
pub enum TurnAccess {
    /// shared with the TURN server
    Secret(String),
    Fixed {
        username: String,
        password: String,
    },
}

impl fmt::Debug for TurnAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Synapse's `user_consent`.
#[derive(Clone, Debug)]
pub struct Terms {
    pub version: String,
    pub name: String,
    /// a Jinja template of the whole page
    template: String,
}

impl Terms {
    /// # Errors
    /// When the page can't be made of the template.
    pub fn new(version: String, name: String, template: String) -> Result<Self, minijinja::Error> {
        let terms = Self { version, name, template };
        terms.page().map(|_| terms)
    }

    /// As Synapse shows them to who is not logged in.
    pub fn page(&self) -> Result<String, minijinja::Error> {
        let context = context! { version => &self.version, public_version => true, has_consented => false };
        Environment::new().render_named_str("terms.html", &self.template, context)
    }
}
