//! Login flows: the types of the WIT, and what an answer to a step with fields has to be.

use serde::de::DeserializeOwned;

pub use crate::bindings::causeway::bridge::login_types::*;
use crate::{Error, ErrorKind, kv};

/// What the person filled in, by the fields' ids.
pub type Fields = Vec<(String, String)>;

/// The fields of an answer to the step `asked`, with what the process kept in its `row` when it began. A cancelled
/// process loses its row.
///
/// # Errors
/// `not-found` where there is no such process any more, `bad-request` where it was cancelled or the answer is to something
/// else.
pub fn fields<T: DeserializeOwned>(row: &str, asked: &str, step: &str, answer: Answer) -> Result<(T, Fields), Error> {
    let kept = kv::get_json(row).ok_or_else(|| Error::new(ErrorKind::NotFound, "this login is over; begin again"))?;
    match answer {
        Answer::Fields(fields) if step == asked => Ok((kept, fields)),
        Answer::Cancelled => {
            kv::delete(row);
            Err(Error::new(ErrorKind::BadRequest, "cancelled"))
        }
        _ => Err(Error::new(ErrorKind::BadRequest, format!("the answer does not fit the step {asked:?}"))),
    }
}
