//! Who may do what with a bridge: `{"*": relay, "example.org": user, "@admin:example.org": admin}`.

use std::collections::BTreeMap;

use ruma::UserId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    None,
    /// is spoken for by the relay
    Relay,
    /// may log in
    User,
    Admin,
}

/// The most precise entry counts: user, then server, then `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(pub BTreeMap<String, Level>);

impl Permissions {
    pub fn of(&self, user: &UserId) -> Level {
        let entry = |key: &str| self.0.get(key).copied();
        entry(user.as_str()).or_else(|| entry(user.server_name().as_str())).or_else(|| entry("*")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn the_most_precise_entry_counts() {
        let permissions: Permissions =
            serde_json::from_str(r#"{"*":"relay","a.org":"user","@x:a.org":"admin","@y:a.org":"none"}"#).unwrap();
        assert_eq!(permissions.of(user_id!("@x:a.org")), Level::Admin);
        assert_eq!(permissions.of(user_id!("@y:a.org")), Level::None);
        assert_eq!(permissions.of(user_id!("@z:a.org")), Level::User);
        assert_eq!(permissions.of(user_id!("@z:b.org")), Level::Relay);
        assert_eq!(Permissions::default().of(user_id!("@z:b.org")), Level::None);
    }
}
