//! `rc_*`: token buckets as Synapse words them.

use super::section::Section;

/// `burst` at once, then `per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    pub per_second: f64,
    pub burst: f64,
}

/// Synapse's defaults where the file is silent; none for the limits that are only options.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    pub message: RateLimit,
    pub registration: RateLimit,
    pub login_address: RateLimit,
    pub login_account: RateLimit,
    pub login_failed: RateLimit,
    pub joins: RateLimit,
    pub joins_per_room: Option<RateLimit>,
    pub invites: RateLimit,
    pub invites_per_room: Option<RateLimit>,
    pub invites_per_user: Option<RateLimit>,
    pub room_creation: Option<RateLimit>,
    pub media_create: Option<RateLimit>,
    pub presence: Option<RateLimit>,
    pub user_directory: Option<RateLimit>,
    pub admin_redaction: Option<RateLimit>,
    pub token_validity: RateLimit,
    pub reports: RateLimit,
    pub threepid_validation: RateLimit,
}

pub fn read(root: &Section<'_>) -> RateLimits {
    let login = root.section("rc_login");
    let joins = root.section("rc_joins");
    let invites = root.section("rc_invites");
    let presence = root.section("rc_presence");
    let limits = RateLimits {
        message: limit(&root.section("rc_message"), 0.2, 10.0),
        registration: limit(&root.section("rc_registration"), 0.17, 3.0),
        login_address: limit(&login.section("address"), 0.003, 5.0),
        login_account: limit(&login.section("account"), 0.003, 5.0),
        login_failed: limit(&login.section("failed_attempts"), 0.17, 3.0),
        joins: limit(&joins.section("local"), 0.1, 10.0),
        joins_per_room: given(root, "rc_joins_per_room", 1.0, 10.0),
        invites: limit(&invites.section("per_issuer"), 0.3, 10.0),
        invites_per_room: given(&invites, "per_room", 0.3, 10.0),
        invites_per_user: given(&invites, "per_user", 0.003, 5.0),
        room_creation: given(root, "rc_room_creation", 0.016, 10.0),
        media_create: given(root, "rc_media_create", 10.0, 50.0),
        presence: given(&presence, "per_user", 0.1, 1.0),
        user_directory: given(root, "rc_user_directory", 0.016, 200.0),
        admin_redaction: given(root, "rc_admin_redaction", 0.2, 10.0),
        token_validity: limit(&root.section("rc_registration_token_validity"), 0.1, 5.0),
        reports: limit(&root.section("rc_reports"), 1.0, 5.0),
        threepid_validation: limit(&root.section("rc_3pid_validation"), 0.003, 5.0),
    };
    for section in [login, joins, invites, presence] {
        section.finish();
    }
    limits
}

/// A limit that counts only when the file has it.
fn given(section: &Section<'_>, key: &str, per_second: f64, burst: f64) -> Option<RateLimit> {
    section.get(key)?;
    Some(limit(&section.section(key), per_second, burst))
}

fn limit(section: &Section<'_>, per_second: f64, burst: f64) -> RateLimit {
    let limit =
        RateLimit { per_second: section.number("per_second", per_second), burst: section.number("burst_count", burst) };
    section.finish();
    limit
}
