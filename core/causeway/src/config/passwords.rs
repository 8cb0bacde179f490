//! `password_config`: who may use passwords, and which.

use causeway_hub::accounts::PasswordPolicy;
use serde_yaml::Value;

use super::Secret;
use super::section::Section;

/// What passwords are good for.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// to log in
    pub log_in: bool,
    /// to confirm what only the account's owner may do
    pub confirm: bool,
    /// appended to every password before it is hashed
    pub pepper: Option<Secret>,
    pub policy: PasswordPolicy,
}

pub fn read(root: &Section<'_>) -> Passwords {
    let section = root.section("password_config");
    let (log_in, confirm) = match section.get("enabled") {
        Some(Value::String(text)) if text == "only_for_reauth" => (false, true),
        _ => {
            let enabled = section.bool("enabled", true) && section.bool("localdb_enabled", true);
            (enabled, enabled)
        }
    };
    let policy = section.section("policy");
    let is_set = policy.bool("enabled", false);
    let wanted = PasswordPolicy {
        minimum_length: policy.integer("minimum_length").and_then(|length| usize::try_from(length).ok()).unwrap_or(0),
        digit: policy.bool("require_digit", false),
        symbol: policy.bool("require_symbol", false),
        lowercase: policy.bool("require_lowercase", false),
        uppercase: policy.bool("require_uppercase", false),
    };
    policy.finish();
    let pepper = section.string("pepper").filter(|pepper| !pepper.is_empty()).map(Secret);
    section.finish_after(&["localdb_enabled"]);
    Passwords { log_in, confirm, pepper, policy: if is_set { wanted } else { PasswordPolicy::default() } }
}
