//! The parts of the hub, put together in one place.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use causeway_api::{Api, Parts, Rate, RateLimits, Rates};
use causeway_engine::Engine;
use causeway_engine::matrix::HubMatrix;
use causeway_host::{Ceilings, HostConfig, Plugins};
use causeway_hub::account_data::AccountData;
use causeway_hub::accounts::{Accounts, PasswordCost};
use causeway_hub::aliases::Aliases;
use causeway_hub::deletions::Deletions;
use causeway_hub::devices::Devices;
use causeway_hub::directory::Directory;
use causeway_hub::ephemeral::Ephemeral;
use causeway_hub::filters::Filters;
use causeway_hub::keys::Keys;
use causeway_hub::lossy::Lossy;
use causeway_hub::mail::Mailer;
use causeway_hub::media::Media;
use causeway_hub::outbound::Outbound;
use causeway_hub::presence::Presences;
use causeway_hub::previews::{self, Previews};
use causeway_hub::profiles::Profiles;
use causeway_hub::purge::Purges;
use causeway_hub::push::{Gateways, Push, PushSources};
use causeway_hub::receipts::Receipts;
use causeway_hub::reports::Reports;
use causeway_hub::rooms::Rooms;
use causeway_hub::search::Search;
use causeway_hub::sync::{Sources, Sync};
use causeway_hub::threepids::{Correspondence, Threepids};
use causeway_hub::timelines::Timelines;
use causeway_hub::to_device::ToDevice;
use causeway_hub::tokens::Tokens;
use causeway_hub::typing::Typing;
use causeway_hub::uia::Uia;
use causeway_router::{HttpSettings, Interested, Registrations, Router, Timing};
use causeway_store::{Store, StoreConfig};

use super::{housekeeping, secrets_key, signing_key};
use crate::config::{self, Config, RateLimit, UrlPreviews};

/// A hub that serves as soon as somebody listens for it.
pub struct Hub {
    pub service: axum::Router,
    pub registrations: Registrations,
    pub router: Router,
    store: Store,
}

impl Hub {
    pub async fn until_superseded(&self) {
        self.store.until_superseded().await;
    }

    /// Nothing is waited for but the database: what destinations have not taken waits in the log.
    pub async fn stop(self) {
        self.store.close().await;
    }
}

pub async fn compose(config: &Config) -> anyhow::Result<Hub> {
    let store = Store::open(store_config(&config.database)?).await.context("opening the database")?;
    let purges = Purges::new(store.clone());
    housekeeping::start(store.clone());
    if let Some(retention) = &config.retention {
        housekeeping::expire_messages(&purges, retention);
    }
    let key = signing_key::load_or_make(&config.signing_key_path)?;
    let server_name = &config.server_name;

    let timing = Timing { tries: config.own.dead_letter_after, ..Timing::default() };
    let router = Router::start(store.clone(), timing);
    let settings = HttpSettings {
        transaction: config.own.appservice_timeout,
        legacy_authorization: config.use_appservice_legacy_authorization,
        ..HttpSettings::default()
    };
    let registrations = Registrations::load(store.clone(), router.clone(), server_name.as_str(), settings)
        .await
        .context("reading the registrations")?;
    registrations.apply_files(&config.app_service_config_files).await.context("applying registration files")?;

    let interested: Vec<Arc<dyn Interested>> = vec![Arc::new(registrations.clone())];
    let rooms = Rooms::new(store.clone(), router.clone(), key, server_name.clone(), interested);
    let tokens = Tokens::new(store.clone());
    let cost = if config.own.password_hash_minimal { PasswordCost::Minimal } else { PasswordCost::Normal };
    let pepper = config.passwords.pepper.as_ref().map_or("", |pepper| &pepper.0);
    let accounts = Accounts::new(store.clone(), tokens.clone(), server_name.clone(), cost).with_pepper(pepper);
    make_folder(&config.media_store_path)?;
    let media = Media::new(store.clone(), server_name.clone(), config.media_store_path.clone(), config.max_upload_size);
    let lossy = Lossy::default();
    let typing = Typing::new(lossy.clone());
    let receipts = Receipts::new(store.clone());
    let presences = Presences::new(lossy.clone()).only_if(config.presence_enabled);
    let push = Push::new(store.clone());
    let timelines = Timelines::new(store.clone(), rooms.clone());
    let profiles = Profiles::new(store.clone(), rooms.clone());
    let ephemeral = Ephemeral {
        store: store.clone(),
        rooms: rooms.clone(),
        typing: typing.clone(),
        presences: presences.clone(),
        lossy: lossy.clone(),
        registrations: registrations.clone(),
    };
    ephemeral.start(&router);

    let engine = Arc::new(Engine::new(causeway_engine::Parts {
        store: store.clone(),
        matrix: Arc::new(HubMatrix {
            server_name: server_name.clone(),
            store: store.clone(),
            rooms: rooms.clone(),
            accounts: accounts.clone(),
            profiles: profiles.clone(),
            media: media.clone(),
            typing: typing.clone(),
            receipts: receipts.clone(),
            registrations: registrations.clone(),
        }),
        queues: Arc::new(router.clone()),
        registrar: Arc::new(registrations.acting_for("installation of a bridge")),
        host: Arc::new(plugins(config)?),
        secrets: secrets_key::load_or_make(&config.own.secrets_key_path)?,
        public_url: config.public_baseurl.clone().or_else(|| config.local_url()),
        max_upload: config.max_upload_size,
    }));
    rooms.also_interested(engine.clone());
    engine.start().await.context("starting the bridges")?;
    let deletions = Deletions::new(store.clone(), rooms.clone(), purges.clone());
    deletions.also_tell(engine.clone());
    deletions.resume().await.context("reading which rooms are to be deleted")?;

    let sync = Sync::start(Sources {
        store: store.clone(),
        rooms: rooms.clone(),
        timelines: timelines.clone(),
        typing: typing.clone(),
        presences: presences.clone(),
        push: push.clone(),
        lossy,
    });
    if config.push.enabled {
        let sources = PushSources {
            store: store.clone(),
            rooms: rooms.clone(),
            notifications: sync.notifications().clone(),
            gateways: Gateways::new(config.push.ranges.clone()).context("starting the pushers")?,
            include_content: config.push.include_content,
            count_rooms: config.push.count_rooms,
        };
        causeway_hub::push::start(sources);
    }
    let previews = previews(config, &store, &media)?;
    let api_config = api_config(config);
    let api = Api::new(Parts {
        threepids: Threepids::new(store.clone(), correspondence(config, api_config.base_url())?),
        config: Arc::new(api_config),
        limits: RateLimits::new(rates(&config.rate_limits)),
        account_data: AccountData::new(store.clone()),
        aliases: Aliases::new(store.clone(), rooms.clone(), registrations.clone()),
        devices: Devices::new(store.clone(), tokens.clone()),
        directory: Directory::new(store.clone(), rooms.clone()),
        filters: Filters::new(store.clone()),
        keys: Keys::new(store.clone()),
        reports: Reports::new(store.clone()),
        search: Search::new(store.clone(), timelines.clone()),
        nonces: causeway_api::Nonces::default(),
        sync,
        to_device: ToDevice::new(store.clone()),
        uia: Uia::default(),
        accounts,
        deletions,
        media,
        presences,
        previews,
        profiles,
        purges,
        push,
        receipts,
        registrations: registrations.clone(),
        rooms,
        router: router.clone(),
        timelines,
        tokens,
        typing,
    });
    let service = causeway_api::service(api, axum::Router::new()).layer(axum::Extension(engine));
    Ok(Hub { service, registrations, router, store })
}

/// Bridges that came with the program lie beside it; the admin's where the config says.
fn plugins(config: &Config) -> anyhow::Result<Plugins> {
    let program = std::env::current_exe().context("finding the program's own folder")?;
    let bundled = program.parent().and_then(Path::parent).map(|folder| folder.join("bridges"));
    let folders = bundled.into_iter().chain(config.own.plugin_directories.iter().cloned()).collect();
    let config = HostConfig { plugins: folders, cache: config.own.plugin_cache.clone(), ceilings: Ceilings::default() };
    Plugins::new(config).context("starting the plugin host")
}

pub fn store_config(database: &config::Database) -> anyhow::Result<StoreConfig> {
    Ok(match database {
        config::Database::Sqlite(path) => {
            if let Some(folder) = path.parent() {
                make_folder(folder)?;
            }
            StoreConfig::sqlite(path)
        }
        config::Database::Postgres(url) => StoreConfig::postgres(&url.0),
    })
}

/// None where links are not previewed.
fn previews(config: &Config, store: &Store, media: &Media) -> anyhow::Result<Option<Previews>> {
    let Some(UrlPreviews { ranges, settings }) = &config.url_previews else { return Ok(None) };
    let outbound = Outbound::new(ranges.clone(), previews::REQUEST).context("making ready to preview links")?;
    Ok(Some(Previews::start(store.clone(), media.clone(), outbound, settings.clone())))
}

/// None without an `email` section.
fn correspondence(config: &Config, base_url: String) -> anyhow::Result<Option<Correspondence>> {
    let Some(email) = &config.threepids.email else { return Ok(None) };
    Ok(Some(Correspondence {
        mailer: Mailer::new(email.settings.clone()).context("making ready to send e-mail")?,
        base_url,
        server_name: config.server_name.to_string(),
        app_name: email.app_name.clone(),
        subjects: email.subjects.clone(),
        token_life: email.token_life,
        hides_accounts: config.threepids.hides_accounts,
    }))
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))
}

fn api_config(config: &Config) -> causeway_api::Config {
    causeway_api::Config {
        server_name: config.server_name.clone(),
        public_baseurl: config.public_baseurl.clone(),
        default_room_version: config.default_room_version.clone(),
        appservice_default_room_version: config.appservice_default_room_version.clone(),
        // An event's 65,536 bytes, and room for what goes around many of them.
        max_request_bytes: 4 << 20,
        enable_registration: config.enable_registration,
        allow_guest_access: config.allow_guest_access,
        registration_requires_token: config.registration_requires_token,
        registration_shared_secret: config.registration_shared_secret.as_ref().map(|secret| secret.0.clone()),
        extra_well_known: config.extra_well_known_client_content.clone(),
        support: config.support.clone(),
        turn: config.turn.clone(),
        rtc_transports: config.rtc_transports.clone(),
        serve_server_wellknown: config.serve_server_wellknown,
        password_login: config.passwords.log_in,
        password_confirms: config.passwords.confirm,
        password_policy: config.passwords.policy,
        threepid_changes: config.threepids.changes,
        email_required: config.threepids.email_required,
        allowed_emails: config.threepids.allowed_emails.clone(),
        next_link_domains: config.threepids.next_link_domains.clone(),
        terms: config.terms.clone(),
    }
}

fn rates(limits: &config::RateLimits) -> Rates {
    let rate = |limit: RateLimit| Rate { per_second: limit.per_second, burst: limit.burst };
    let given = |limit: Option<RateLimit>| limit.map_or(Rate::UNLIMITED, rate);
    Rates {
        message: rate(limits.message),
        registration: rate(limits.registration),
        login_address: rate(limits.login_address),
        login_account: rate(limits.login_account),
        login_failed: rate(limits.login_failed),
        joins: rate(limits.joins),
        joins_per_room: given(limits.joins_per_room),
        invites: rate(limits.invites),
        invites_per_room: given(limits.invites_per_room),
        invites_per_user: given(limits.invites_per_user),
        room_creation: given(limits.room_creation),
        media_create: given(limits.media_create),
        presence: given(limits.presence),
        user_directory: given(limits.user_directory),
        admin_redaction: limits.admin_redaction.map(rate),
        token_validity: rate(limits.token_validity),
        reports: rate(limits.reports),
        threepid_validation: rate(limits.threepid_validation),
    }
}
