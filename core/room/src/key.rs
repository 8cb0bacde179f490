//! The server's ed25519 signing key, in the file format that Synapse uses.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ruma::{
    CanonicalJsonObject,
    signatures::{Ed25519KeyPair, Ed25519KeyPairParseError, JsonError, KeyPair, Signature, sign_json},
};
use thiserror::Error;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands before the 32 secret bytes of an ed25519 key in PKCS #8 version 1 (RFC 8410 section 7), the only form
/// in which ruma takes a key.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why a text is not a signing key. Never quotes the text.
#[derive(Debug, Error)]
pub enum SigningKeyError {
    #[error("signing key file must hold one line «ed25519 VERSION SEED», it has {0} fields")]
    Fields(usize),
    #[error("signing key uses an algorithm other than ed25519")]
    Algorithm,
    #[error("signing key version must match [a-zA-Z0-9_]+")]
    Version,
    #[error("signing key seed is not base64")]
    Base64,
    #[error("signing key seed has {0} bytes instead of 32")]
    Length(usize),
    #[error("signing key is unusable")]
    Key(#[from] Ed25519KeyPairParseError),
}

/// The key with which the server signs events and requests.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    seed: [u8; 32],
}

impl SigningKey {
    /// A new key from 32 random bytes; `version` is the part of the key id after `ed25519:`, such as `a_Xy1Z`.
    pub fn generate(seed: [u8; 32], version: &str) -> Result<Self, SigningKeyError> {
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(SigningKeyError::Version);
        }
        let document = [&PKCS8_PREFIX[..], &seed[..]].concat();
        Ok(Self { pair: Ed25519KeyPair::from_der(&document, version.to_owned())?, seed })
    }

    /// Reads the text of a key file: `ed25519 a_Xy1Z BASE64`.
    pub fn load(text: &str) -> Result<Self, SigningKeyError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [algorithm, version, seed] = fields[..] else {
            return Err(SigningKeyError::Fields(fields.len()));
        };
        if algorithm != "ed25519" {
            return Err(SigningKeyError::Algorithm);
        }
        let seed = BASE64.decode(seed).map_err(|_| SigningKeyError::Base64)?;
        Self::generate(seed[..].try_into().map_err(|_| SigningKeyError::Length(seed.len()))?, version)
    }

    /// The text of the key file, with its final newline. A secret.
    pub fn to_file(&self) -> String {
        format!("ed25519 {} {}\n", self.pair.version(), BASE64.encode(self.seed))
    }

    /// The key id, such as `ed25519:a_Xy1Z`.
    pub fn id(&self) -> String {
        format!("ed25519:{}", self.pair.version())
    }

    /// The public half in unpadded base64, as `/_matrix/key/v2/server` shows it.
    pub fn public_key(&self) -> String {
        BASE64.encode(self.pair.public_key())
    }

    /// Adds the signature of `server` to an object's `signatures`
    /// ([specification](https://spec.matrix.org/v1.16/appendices/#signing-json)).
    pub fn sign_json(&self, server: &str, object: &mut CanonicalJsonObject) -> Result<(), JsonError> {
        sign_json(server, &self.pair, object)
    }
}

impl KeyPair for SigningKey {
    fn sign(&self, message: &[u8]) -> Signature {
        self.pair.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_text_round_trips_and_keeps_the_public_key() {
        let key = SigningKey::generate([7; 32], "a_Xy1Z").unwrap();
        let again = SigningKey::load(&key.to_file()).unwrap();
        assert_eq!(key.to_file(), "ed25519 a_Xy1Z BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n");
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.id(), "ed25519:a_Xy1Z");
    }

    #[test]
    fn malformed_files_are_refused_without_quoting_them() {
        for (text, expected) in [
            ("", "it has 0 fields"),
            ("rsa a_1 BwcH", "other than ed25519"),
            ("ed25519 a:1 BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "version must match"),
            ("ed25519 a_1 !!!!", "not base64"),
            ("ed25519 a_1 BwcH", "3 bytes instead of 32"),
        ] {
            let error = SigningKey::load(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?} gave {error:?}");
        }
        let key = SigningKey::generate([7; 32], "a_1").unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(\"ed25519:a_1\")");
    }
}
