//! How a PDU's text is kept: one byte that names the form, then the text in that form, so that a compressed form can
//! come later without rewriting rows.

use std::sync::Arc;

use crate::StoreError;

const PLAIN: u8 = 0;

pub(crate) fn encode(json: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(json.len() + 1);
    bytes.push(PLAIN);
    bytes.extend_from_slice(json.as_bytes());
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Arc<str>, StoreError> {
    let Some((&PLAIN, text)) = bytes.split_first() else {
        return Err(StoreError::inconsistent(format!("events.pdu has the unknown form {:?}", bytes.first())));
    };
    let text = std::str::from_utf8(text).map_err(|source| StoreError::Inconsistent {
        what: "events.pdu is not text".to_owned(),
        source: Some(Box::new(source)),
    })?;
    Ok(text.into())
}
