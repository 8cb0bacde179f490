//! A hub without a listener.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use causeway_api::{Api, Config, Nonces, Parts, RateLimits, Rates};
use causeway_emulators::appservice::RecordingAppservice;
use causeway_hub::account_data::AccountData;
use causeway_hub::accounts::{Accounts, NewAccount, NewDevice, PasswordCost, PasswordPolicy};
use causeway_hub::aliases::Aliases;
use causeway_hub::deletions::Deletions;
use causeway_hub::devices::Devices;
use causeway_hub::directory::Directory;
use causeway_hub::ephemeral::Ephemeral;
use causeway_hub::filters::Filters;
use causeway_hub::keys::Keys;
use causeway_hub::lossy::Lossy;
use causeway_hub::media::Media;
use causeway_hub::outbound::{AddressRanges, Outbound};
use causeway_hub::presence::Presences;
use causeway_hub::previews::{PreviewSettings, Previews, UrlPart, UrlPattern};
use causeway_hub::profiles::Profiles;
use causeway_hub::purge::Purges;
use causeway_hub::push::{Gateways, Push, PushSources};
use causeway_hub::receipts::Receipts;
use causeway_hub::reports::Reports;
use causeway_hub::rooms::Rooms;
use causeway_hub::search::Search;
use causeway_hub::sync::{Sources, Sync};
use causeway_hub::threepids::Threepids;
use causeway_hub::timelines::Timelines;
use causeway_hub::to_device::ToDevice;
use causeway_hub::tokens::Tokens;
use causeway_hub::typing::Typing;
use causeway_hub::uia::Uia;
use causeway_room::SigningKey;
use causeway_router::{HttpSettings, Registrations, Timing};
use causeway_store::Store;
use ruma::{OwnedUserId, RoomVersionId, owned_server_name};
use serde_json::Value;
use tower::ServiceExt;

use crate::Database;

/// Bytes of a file that may be uploaded.
pub const MAX_UPLOAD: u64 = 100_000;
pub const SHARED_SECRET: &str = "shared secret";

pub struct TestHub {
    pub api: Api,
    pub store: Store,
    router: Router,
    _database: Database,
    _folder: tempfile::TempDir,
}

pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {:?}", self.status, self.body);
        self.json()
    }

    pub fn refused(&self, status: u16, errcode: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["errcode"].as_str()), (status, Some(errcode)), "{body}");
        body
    }
}

impl TestHub {
    pub async fn start() -> Self {
        Self::start_with(|_| {}, generous()).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config), rates: Rates) -> Self {
        // The first test of this process installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder for the test");
        let database = Database::new(folder.path());
        let store = Store::open(database.config()).await.expect("a new database");
        let server_name = owned_server_name!("hub.test");
        let router = causeway_router::Router::start(store.clone(), Timing::default());
        let registrations =
            Registrations::load(store.clone(), router.clone(), server_name.as_str(), HttpSettings::default())
                .await
                .expect("no registrations yet");
        let key = SigningKey::generate([7; 32], "test").expect("a key");
        let interested = vec![Arc::new(registrations.clone()) as _];
        let rooms = Rooms::new(store.clone(), router.clone(), key, server_name.clone(), interested);
        let tokens = Tokens::new(store.clone());
        let mut config = Config {
            server_name: server_name.clone(),
            public_baseurl: None,
            default_room_version: RoomVersionId::V12,
            appservice_default_room_version: RoomVersionId::V11,
            max_request_bytes: 200_000,
            enable_registration: true,
            allow_guest_access: true,
            registration_requires_token: false,
            registration_shared_secret: Some(SHARED_SECRET.to_owned()),
            extra_well_known: serde_json::Map::new(),
            serve_server_wellknown: false,
            support: None,
            rtc_transports: Vec::new(),
            turn: None,
            password_login: true,
            password_confirms: true,
            password_policy: PasswordPolicy::default(),
            threepid_changes: true,
            email_required: false,
            allowed_emails: None,
            next_link_domains: None,
            terms: None,
        };
        change(&mut config);
        let lossy = Lossy::default();
        let typing = Typing::new(lossy.clone());
        let (presences, push) = (Presences::new(lossy.clone()), Push::new(store.clone()));
        let timelines = Timelines::new(store.clone(), rooms.clone());
        let ephemeral = Ephemeral {
            store: store.clone(),
            rooms: rooms.clone(),
            typing: typing.clone(),
            presences: presences.clone(),
            lossy: lossy.clone(),
            registrations: registrations.clone(),
        };
        ephemeral.start(&router);
        let sync = Sync::start(Sources {
            store: store.clone(),
            rooms: rooms.clone(),
            timelines: timelines.clone(),
            typing: typing.clone(),
            presences: presences.clone(),
            push: push.clone(),
            lossy,
        });
        causeway_hub::push::start(PushSources {
            store: store.clone(),
            rooms: rooms.clone(),
            notifications: sync.notifications().clone(),
            gateways: Gateways::new(AddressRanges::default()).expect("an HTTP client"),
            include_content: true,
            count_rooms: true,
        });
        let media = Media::new(store.clone(), server_name.clone(), folder.path().join("media"), MAX_UPLOAD);
        let api = Api::new(Parts {
            previews: Some(previews(&store, &media)),
            config: Arc::new(config),
            limits: RateLimits::new(rates),
            search: Search::new(store.clone(), timelines.clone()),
            aliases: Aliases::new(store.clone(), rooms.clone(), registrations.clone()),
            directory: Directory::new(store.clone(), rooms.clone()),
            receipts: Receipts::new(store.clone()),
            sync,
            threepids: Threepids::new(store.clone(), None),
            timelines,
            typing,
            account_data: AccountData::new(store.clone()),
            accounts: Accounts::new(store.clone(), tokens.clone(), server_name.clone(), PasswordCost::Minimal),
            devices: Devices::new(store.clone(), tokens.clone()),
            filters: Filters::new(store.clone()),
            keys: Keys::new(store.clone()),
            reports: Reports::new(store.clone()),
            deletions: Deletions::new(store.clone(), rooms.clone(), Purges::new(store.clone())),
            purges: Purges::new(store.clone()),
            media,
            nonces: Nonces::default(),
            presences,
            profiles: Profiles::new(store.clone(), rooms.clone()),
            push,
            registrations,
            rooms,
            router,
            to_device: ToDevice::new(store.clone()),
            tokens,
            uia: Uia::default(),
        });
        let router = causeway_api::service(api.clone(), Router::new());
        Self { api, store, router, _database: database, _folder: folder }
    }

    /// A recording appservice under this id, with ghosts `@{id}_…`, its registration changed as told.
    pub async fn appservice(&self, id: &str, change: impl FnOnce(String) -> String) -> RecordingAppservice {
        let appservice = RecordingAppservice::start().expect("a free port");
        self.api.registrations.add(&change(appservice.registration(id))).await.expect("a valid registration");
        appservice
    }

    /// A user of an appservice's: its id. Requests as it carry `?user_id=`.
    pub async fn ghost(&self, as_token: &str, name: &str) -> String {
        let body = serde_json::json!({
            "type": "m.login.application_service", "username": name, "inhibit_login": true,
        });
        let made = self.post("/_matrix/client/v3/register", as_token, body).await.ok();
        made["user_id"].as_str().expect("a user id").to_owned()
    }

    /// A user with a password, logged in: their id and token.
    pub async fn user(&self, name: &str) -> (OwnedUserId, String) {
        let user_id = OwnedUserId::try_from(format!("@{name}:hub.test")).expect("a valid name");
        let account = NewAccount {
            password: Some("password".to_owned()),
            device: Some(NewDevice::default()),
            ..NewAccount::new(user_id.clone())
        };
        let logged_in = self.api.accounts.register(account).await.expect("a new name").expect("with a device");
        (user_id, logged_in.access_token)
    }

    /// One more device of a user: its token.
    pub async fn log_in(&self, name: &str) -> String {
        let user = serde_json::json!({ "type": "m.id.user", "user": name });
        let body = serde_json::json!({ "type": "m.login.password", "identifier": user, "password": "password" });
        let answer = self.post("/_matrix/client/v3/login", "", body).await.ok();
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    pub async fn request(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.expect("the router always answers");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        Answered { status: parts.status, headers: parts.headers, body }
    }

    /// A request with an access token (none when empty) and a body as it is.
    pub async fn call(&self, method: &str, path: &str, token: &str, body: impl Into<Body>) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.request(request.body(body.into()).expect("a valid request")).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answered {
        self.call("GET", path, token, Body::empty()).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answered {
        self.call("POST", path, token, body.to_string()).await
    }

    pub async fn put(&self, path: &str, token: &str, body: Value) -> Answered {
        self.call("PUT", path, token, body.to_string()).await
    }
}

/// Loopback is reached but for one address, and all but for what is below `/denied`.
fn previews(store: &Store, media: &Media) -> Previews {
    let ranges = AddressRanges { denied: vec!["127.0.0.2/32".parse().expect("a range")], allowed: Vec::new() };
    let denied = UrlPattern::new(UrlPart::Path, "/denied*").expect("a pattern");
    let settings = PreviewSettings {
        denied_urls: vec![vec![denied]],
        max_size: 100_000,
        accept_language: "de, en;q=0.5".to_owned(),
    };
    let outbound = Outbound::new(ranges, std::time::Duration::from_secs(20)).expect("an HTTP client");
    Previews::start(store.clone(), media.clone(), outbound, settings)
}

/// Limits that no test meets by chance.
pub fn generous() -> Rates {
    let rate = causeway_api::Rate { per_second: 1e6, burst: 1e6 };
    Rates {
        message: rate,
        registration: rate,
        login_address: rate,
        login_account: rate,
        login_failed: rate,
        joins: rate,
        invites: rate,
        token_validity: rate,
        reports: rate,
        threepid_validation: rate,
        ..Rates::default()
    }
}

/// One segment of a path, or a value of a query.
pub fn encode(text: &str) -> String {
    let keeps = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keeps(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

pub async fn create(hub: &TestHub, token: &str, body: Value) -> String {
    let made = hub.post("/_matrix/client/v3/createRoom", token, body).await.ok();
    made["room_id"].as_str().expect("a room id").to_owned()
}

pub async fn send_text(hub: &TestHub, token: &str, room: &str, txn_id: &str, body: &str) -> String {
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{txn_id}", encode(room));
    let sent = hub.put(&path, token, serde_json::json!({ "msgtype": "m.text", "body": body })).await.ok();
    sent["event_id"].as_str().expect("an event id").to_owned()
}

/// `since` may carry further parameters after it.
pub async fn sync(hub: &TestHub, token: &str, since: &str) -> Value {
    hub.get(&format!("/_matrix/client/v3/sync?since={since}"), token).await.ok()
}

/// Bodies of a timeline's messages.
pub fn texts(timeline: &Value) -> Vec<String> {
    let events = timeline["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
}
