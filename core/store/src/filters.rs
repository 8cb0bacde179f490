//! Filters, under ids that follow from their text.

use crate::{Statement, Store, StoreError, values};

impl Store {
    pub async fn filter(&self, user_id: &str, filter_id: &str) -> Result<Option<String>, StoreError> {
        let rows = self
            .fetch("select filter from filters where user_id = $1 and filter_id = $2", values![user_id, filter_id])
            .await?;
        rows.first().map(|row| row.get(0)).transpose()
    }
}

pub fn put_filter(user_id: &str, filter_id: &str, filter: &str) -> Statement {
    Statement::new(
        "insert into filters (user_id, filter_id, filter) values ($1, $2, $3) on conflict do nothing",
        values![user_id, filter_id, filter],
    )
}
