//! How a PDU's text is kept: one byte that names the form, then the text in that form. Forms are never taken away, so
//! rows need not be rewritten when a better one comes.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::StoreError;

const PLAIN: u8 = 0;
/// zstd with the first dictionary.
const ZSTD_1: u8 = 1;

/// Trained by the example `train_dictionary`. What was written with it is read with it: it stays as it is for ever.
static DICTIONARY_1: &[u8] = include_bytes!("../dictionaries/pdu-1.zdict");
/// Higher ones gain a hundredth and take thrice the time.
const LEVEL: i32 = 1;
/// Longer than any text that was ever encoded: nothing else of that form is unpacked.
const LONGEST: u64 = 1 << 20;

static ENCODER: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(crate) fn encode(json: &str) -> Vec<u8> {
    let packed = compress(json.as_bytes()).ok().filter(|packed| packed.len() < json.len());
    match packed {
        Some(packed) => named(ZSTD_1, &packed),
        None => named(PLAIN, json.as_bytes()),
    }
}

fn named(form: u8, text: &[u8]) -> Vec<u8> {
    [&[form], text].concat()
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Arc<str>, StoreError> {
    let text = match bytes.split_first() {
        Some((&PLAIN, text)) => std::str::from_utf8(text).map(Arc::from),
        Some((&ZSTD_1, packed)) => std::str::from_utf8(&decompress(packed).map_err(broken)?).map(Arc::from),
        _ => return Err(StoreError::inconsistent(format!("events.pdu has the unknown form {:?}", bytes.first()))),
    };
    text.map_err(broken)
}

fn broken(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Inconsistent { what: "events.pdu is not text".to_owned(), source: Some(Box::new(source)) }
}

fn compress(text: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            let mut new = Compressor::with_prepared_dictionary(&ENCODER)?;
            // The form names the dictionary already.
            new.include_dictid(false)?;
            *compressor = Some(new);
        }
        compressor.as_mut().expect("made just now").compress(text)
    })
}

fn decompress(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    let length = length.filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| std::io::Error::other("a frame without its length"))?;
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        if decompressor.is_none() {
            *decompressor = Some(Decompressor::with_prepared_dictionary(&DECODER)?);
        }
        decompressor.as_mut().expect("made just now").decompress(packed, length as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"auth_events":["$atNmoRz8ZJWzJsAwnicN_UCYyRZXKg240oXXzyOylhM","$QwtX0HG-dhxVUz78pVf6on4X-Z_36ryFmAUQQLhd4hM","$2wt-8zT77RGbNbaX8IRsympx8xyzARIAXM5LbH8RQN4"],"content":{"body":"the tide is coming in","msgtype":"m.text"},"depth":7,"hashes":{"sha256":"SFYlgrCGkkdtzFs8LvoocVFsZcYRwivqMerxLilaOPA"},"origin_server_ts":1795560341754,"prev_events":["$qPorGPhaZk-wde4e4dZiOjyPN7g-ING43zxu9MNm4FA"],"room_id":"!Ke7r5Bm0XXrR1u6oCK:example.org","sender":"@irc_anna:example.org","signatures":{"example.org":{"ed25519:a_xqsU":"DlGrXIU3GUZWMU7N4EtTktd4Zx8njVEpLilDKl5nNgsfF7GQdWu6+0hvRcnKVNrQZzeUHvgfUiL/iHWqZi6qBw"}},"type":"m.room.message"}"#;

    #[test]
    fn text_comes_back_in_every_form() {
        let long = format!("{{\"body\":\"{}\"}}", "ab".repeat(32_000));
        for text in ["", "{}", "{\"a\":\"ü\"}", MESSAGE, &long] {
            assert_eq!(&*decode(&encode(text)).unwrap(), text);
            assert_eq!(&*decode(&named(PLAIN, text.as_bytes())).unwrap(), text);
        }
    }

    #[test]
    fn rows_of_old_are_read_for_ever() {
        let row = from_hex(include_str!("../dictionaries/pdu-1.sample"));
        assert_eq!(&*decode(&row).unwrap(), MESSAGE, "the dictionary has changed");
    }

    #[test]
    fn a_message_takes_little_more_than_its_hashes_and_signature() {
        let length = encode(MESSAGE).len();
        assert!(length < MESSAGE.len() * 6 / 10, "{length} of {} bytes", MESSAGE.len());
    }

    #[test]
    fn no_bytes_make_decoding_panic() {
        let whole = encode(MESSAGE);
        for cut in 0..whole.len() {
            assert!(decode(&whole[..cut]).is_err());
        }
        for (index, _) in whole.iter().enumerate() {
            let mut noise = whole.clone();
            noise[index] ^= 0x55;
            let _ = decode(&noise);
        }
        assert!(decode(&[9, 1, 2]).is_err());
    }

    fn from_hex(text: &str) -> Vec<u8> {
        text.trim()
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
