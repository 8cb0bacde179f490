//! Queries over a list: one argument, whatever its length. The databases unpack it differently.

use crate::{Row, Statement, Store, StoreError, Value};

/// The same query in both dialects; the list is `$1`, a JSON array.
pub(crate) struct Listed {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// `listed!("select … where nid in ", "order by …")`
macro_rules! listed {
    ($before:expr, $after:literal) => {
        $crate::listed::Listed {
            sqlite: concat!($before, "(select value from json_each($1)) ", $after),
            postgres: concat!($before, "(select value::bigint from json_array_elements_text($1::json)) ", $after),
        }
    };
}
pub(crate) use listed;

impl Store {
    pub(crate) async fn fetch_listed(
        &self,
        query: &Listed,
        list: impl IntoIterator<Item = i64>,
    ) -> Result<Vec<Row>, StoreError> {
        let list: Vec<i64> = list.into_iter().collect();
        self.fetch_list(query, &list).await
    }

    pub(crate) async fn fetch_listed_texts(&self, query: &Listed, list: &[&str]) -> Result<Vec<Row>, StoreError> {
        self.fetch_list(query, list).await
    }

    async fn fetch_list<T: serde::Serialize>(&self, query: &Listed, list: &[T]) -> Result<Vec<Row>, StoreError> {
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let Statement { sql, args, .. } = self.listed(query, list);
        self.fetch(sql, args).await
    }

    /// The query over this list, in the database's dialect.
    pub(crate) fn listed<T: serde::Serialize>(&self, query: &Listed, list: &[T]) -> Statement {
        let json = serde_json::to_string(list).expect("numbers and texts are JSON");
        let sql = if self.is_sqlite() { query.sqlite } else { query.postgres };
        Statement::new(sql, vec![Value::Text(json)])
    }
}
