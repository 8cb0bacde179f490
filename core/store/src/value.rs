//! Values in and rows out, the same for both databases: integers (`BIGINT`), text and bytes, each may be null.

use sqlx::Row as _;

use crate::StoreError;

/// An argument of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// The position that the commit gives to this statement's rows; one for all statements of the commit.
    Position,
    /// The id of the commit's last event: known only when the event is built, after the rows that name it.
    EventId,
    /// The id of the room that the commit appends to.
    RoomId,
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    /// Stored as the same 64 bits.
    fn from(value: u64) -> Self {
        Self::Int(value as i64)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// `values![a, b]` is `vec![Value::from(a), Value::from(b)]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}

/// A row of an answer; columns by number, from 0.
pub enum Row {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

/// What a column can be read as: `i64`, `String`, `Vec<u8>`, and `Option`s of these.
pub trait Column:
    for<'r> sqlx::Decode<'r, sqlx::Sqlite>
    + sqlx::Type<sqlx::Sqlite>
    + for<'r> sqlx::Decode<'r, sqlx::Postgres>
    + sqlx::Type<sqlx::Postgres>
{
}

impl Column for i64 {}
impl Column for String {}
impl Column for Vec<u8> {}
impl Column for Option<i64> {}
impl Column for Option<String> {}
impl Column for Option<Vec<u8>> {}

impl Row {
    /// # Errors
    /// [`StoreError::Inconsistent`] when the column is not of that type.
    pub fn get<T: Column>(&self, column: usize) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|source| StoreError::Inconsistent { what: format!("column {column}"), source: Some(Box::new(source)) })
    }
}

impl sqlx::Type<sqlx::Sqlite> for Value {
    fn type_info() -> sqlx::sqlite::SqliteTypeInfo {
        <i64 as sqlx::Type<sqlx::Sqlite>>::type_info()
    }
}

impl<'q> sqlx::Encode<'q, sqlx::Sqlite> for Value {
    fn encode(self, buffer: &mut <sqlx::Sqlite as sqlx::Database>::ArgumentBuffer) -> Encoded {
        match self {
            Self::Null => Ok(sqlx::encode::IsNull::Yes),
            Self::Int(value) => sqlx::Encode::<sqlx::Sqlite>::encode(value, buffer),
            Self::Text(value) => sqlx::Encode::<sqlx::Sqlite>::encode(value, buffer),
            Self::Bytes(value) => sqlx::Encode::<sqlx::Sqlite>::encode(value, buffer),
            Self::Position | Self::EventId | Self::RoomId => Err(UNPLACED.into()),
        }
    }

    fn encode_by_ref(&self, buffer: &mut <sqlx::Sqlite as sqlx::Database>::ArgumentBuffer) -> Encoded {
        sqlx::Encode::<sqlx::Sqlite>::encode(self.clone(), buffer)
    }
}

impl sqlx::Type<sqlx::Postgres> for Value {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        UNSPECIFIED
    }
}

impl<'q> sqlx::Encode<'q, sqlx::Postgres> for Value {
    fn encode_by_ref(&self, buffer: &mut <sqlx::Postgres as sqlx::Database>::ArgumentBuffer) -> Encoded {
        match self {
            Self::Null => Ok(sqlx::encode::IsNull::Yes),
            Self::Int(value) => sqlx::Encode::<sqlx::Postgres>::encode_by_ref(value, buffer),
            Self::Text(value) => sqlx::Encode::<sqlx::Postgres>::encode_by_ref(value, buffer),
            Self::Bytes(value) => sqlx::Encode::<sqlx::Postgres>::encode_by_ref(value, buffer),
            Self::Position | Self::EventId | Self::RoomId => Err(UNPLACED.into()),
        }
    }

    fn produces(&self) -> Option<sqlx::postgres::PgTypeInfo> {
        Some(match self {
            Self::Null => UNSPECIFIED,
            Self::Int(_) | Self::Position => <i64 as sqlx::Type<sqlx::Postgres>>::type_info(),
            Self::Text(_) | Self::EventId | Self::RoomId => <String as sqlx::Type<sqlx::Postgres>>::type_info(),
            Self::Bytes(_) => <Vec<u8> as sqlx::Type<sqlx::Postgres>>::type_info(),
        })
    }
}

type Encoded = Result<sqlx::encode::IsNull, sqlx::error::BoxDynError>;

/// Of a null only the server knows the type.
const UNSPECIFIED: sqlx::postgres::PgTypeInfo = sqlx::postgres::PgTypeInfo::with_oid(sqlx::postgres::types::Oid(0));

const UNPLACED: &str = "Value::Position, Value::EventId or Value::RoomId outside of a commit";

impl Value {
    pub(crate) fn into_int(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(value) => Some(value),
            _ => None,
        }
    }
}
