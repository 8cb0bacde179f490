//! Secrets of plugins at rest: sealed with the hub's key, bound to the bridge, login and name they belong to.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// The key that secrets are sealed with.
pub struct SecretsKey {
    key: LessSafeKey,
    random: SystemRandom,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret {0:?} was sealed with another key; restore the file at secrets_key_path")]
    Key(String),
    #[error("the operating system gives no random numbers")]
    Random,
}

impl SecretsKey {
    pub fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("the key has the length of the algorithm");
        Self { key: LessSafeKey::new(key), random: SystemRandom::new() }
    }

    pub(crate) fn seal(&self, place: &str, name: &str, secret: &[u8]) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SecretError::Random)?;
        let mut sealed = secret.to_vec();
        let aad = Aad::from(format!("{place}\n{name}"));
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| SecretError::Random)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, place: &str, name: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let wrong = || SecretError::Key(name.to_owned());
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut text = text.to_vec();
        let aad = Aad::from(format!("{place}\n{name}"));
        let open = self.key.open_in_place(nonce, aad, &mut text).map_err(|_| wrong())?;
        Ok(open.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_own_place() {
        let key = SecretsKey::new(&[7; 32]);
        let sealed = key.seal("irc/alice", "password", b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(key.open("irc/alice", "password", &sealed).unwrap(), b"hunter2");
        assert!(key.open("irc/bob", "password", &sealed).is_err());
        assert!(SecretsKey::new(&[8; 32]).open("irc/alice", "password", &sealed).is_err());
    }
}
