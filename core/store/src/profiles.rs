//! Profiles: fields with JSON values, `displayname` and `avatar_url` among them.

use crate::{Statement, Store, StoreError, values};

/// A user found in the directory.
#[derive(Clone, Debug)]
pub struct FoundUser {
    pub user_id: String,
    /// JSON
    pub display_name: Option<String>,
    /// JSON
    pub avatar_url: Option<String>,
}

impl Store {
    /// (field, JSON)
    pub async fn profile(&self, user_id: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.fetch("select field, value from profiles where user_id = $1 order by field", values![user_id])
            .await?
            .iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Users whose id or display name holds the term, whatever its case.
    pub async fn find_users(&self, term: &str, limit: i64) -> Result<Vec<FoundUser>, StoreError> {
        let escaped = term.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = format!("%{escaped}%");
        self.fetch(
            "select a.user_id, n.value, p.value from accounts a \
             left join profiles n on n.user_id = a.user_id and n.field = 'displayname' \
             left join profiles p on p.user_id = a.user_id and p.field = 'avatar_url' \
             where a.deactivated = 0 and (lower(a.user_id) like $1 escape '\\' or lower(n.value) like $2 escape '\\') \
             order by a.user_id limit $3",
            values![pattern.as_str(), pattern.as_str(), limit],
        )
        .await?
        .iter()
        .map(|row| Ok(FoundUser { user_id: row.get(0)?, display_name: row.get(1)?, avatar_url: row.get(2)? }))
        .collect()
    }
}

/// `value` is JSON; none removes the field.
pub fn set_profile_field(user_id: &str, field: &str, value: Option<&str>) -> Statement {
    match value {
        Some(value) => Statement::new(
            "insert into profiles (user_id, field, value) values ($1, $2, $3) \
             on conflict (user_id, field) do update set value = excluded.value",
            values![user_id, field, value],
        ),
        None => Statement::new("delete from profiles where user_id = $1 and field = $2", values![user_id, field]),
    }
}

pub fn delete_profile(user_id: &str) -> Statement {
    Statement::new("delete from profiles where user_id = $1", values![user_id])
}
