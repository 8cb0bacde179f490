//! SASL PLAIN as the lines of AUTHENTICATE.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const CHUNK: usize = 400;

/// The payloads that answer `AUTHENTICATE +`, in order. A last chunk that is exactly full is followed by `+`.
pub fn plain(account: &str, password: &str) -> Vec<String> {
    let encoded = STANDARD.encode(format!("\0{account}\0{password}"));
    let mut chunks: Vec<String> =
        encoded.as_bytes().chunks(CHUNK).map(|chunk| String::from_utf8_lossy(chunk).into_owned()).collect();
    if encoded.len().is_multiple_of(CHUNK) {
        chunks.push("+".to_owned());
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_has_an_empty_authorization_identity() {
        assert_eq!(plain("jilles", "sesame"), ["AGppbGxlcwBzZXNhbWU="]);
    }

    #[test]
    fn long_passwords_come_in_chunks_and_a_full_one_is_closed() {
        // 2 + 1 + 297 bytes make exactly 400 characters of base64.
        let chunks = plain("a", &"p".repeat(297));
        assert_eq!(chunks.iter().map(String::len).collect::<Vec<_>>(), [400, 1]);
        assert_eq!(chunks[1], "+");
        assert_eq!(plain("a", &"p".repeat(400)).iter().map(String::len).collect::<Vec<_>>(), [400, 140]);
    }
}
