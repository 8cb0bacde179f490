//! Every user, alias and room there is, page by page.

use crate::{Store, StoreError, values};

const PAGE: i64 = 10_000;

const USERS: &str = "select user_id from accounts where user_id > $1 order by user_id limit $2";
const ALIASES: &str = "select alias from aliases where alias > $1 order by alias limit $2";
const ROOMS: &str = "select room_id from rooms where room_id > $1 and head <> 0 order by room_id limit $2";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[USERS, ALIASES, ROOMS];

impl Store {
    pub async fn each_user(&self, see: impl FnMut(&str)) -> Result<(), StoreError> {
        self.each(USERS, see).await
    }

    pub async fn each_alias(&self, see: impl FnMut(&str)) -> Result<(), StoreError> {
        self.each(ALIASES, see).await
    }

    pub async fn each_room(&self, see: impl FnMut(&str)) -> Result<(), StoreError> {
        self.each(ROOMS, see).await
    }

    async fn each(&self, sql: &'static str, mut see: impl FnMut(&str)) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.fetch(sql, values![after.as_str(), PAGE]).await?;
            for row in &rows {
                after = row.get(0)?;
                see(&after);
            }
            if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }
}
