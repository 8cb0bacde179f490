//! Whether what is said to be signed is: cross-signing keys and signatures of keys (client-server API,
//! "Cross-signing").

use std::collections::BTreeMap;

use causeway_store::{CommitError, StoreError, put_key_signature};
use ruma::serde::Base64;
use ruma::signatures::{SigningKeyAlgorithm, to_canonical_json_string_for_signing, verify_canonical_json_bytes};
use ruma::{CanonicalJsonObject, OwnedUserId, UserId};
use serde_json::{Map, Value};

use super::{Keys, UserKeys};

type Object = Map<String, Value>;

/// User → device id or public key → the signed object.
pub type SignedKeys = BTreeMap<OwnedUserId, BTreeMap<String, Object>>;

/// Why cross-signing keys are refused.
#[derive(Debug, thiserror::Error)]
pub enum CrossSigningError {
    /// 400 `M_INVALID_PARAM`
    #[error("{usage}_key: {wrong}")]
    Malformed { usage: String, wrong: &'static str },
    /// 400 `M_MISSING_PARAM`
    #[error("there is no master key; upload it with the others")]
    NoMaster,
    /// 400 `M_INVALID_SIGNATURE`
    #[error("{usage}_key: {wrong}")]
    Signature { usage: String, wrong: &'static str },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a signature was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFailure {
    /// `M_NOT_FOUND`
    #[error("there is no such key")]
    Unknown,
    /// `M_INVALID_SIGNATURE`
    #[error("what was signed is not the key that is known")]
    Other,
    /// `M_INVALID_SIGNATURE`
    #[error("no key of yours that may sign this one made the signature")]
    Invalid,
}

/// (whose key, its id, why)
pub type SignatureFailures = Vec<(OwnedUserId, String, SignatureFailure)>;

impl Keys {
    /// Whether (usage, key) may be the user's cross-signing keys: one key each, signed by the master key.
    pub async fn check_cross_signing(&self, user_id: &UserId, keys: &[(&str, &str)]) -> Result<(), CrossSigningError> {
        let known = self.query(user_id, &[], user_id).await?;
        let mut objects = BTreeMap::new();
        for (usage, key) in keys {
            let malformed = |wrong| CrossSigningError::Malformed { usage: (*usage).to_owned(), wrong };
            let object: Object = serde_json::from_str(key).map_err(|_| malformed("it is no object"))?;
            if object.get("user_id").and_then(Value::as_str) != Some(user_id.as_str()) {
                return Err(malformed("user_id is not that of the request"));
            }
            let usages = object.get("usage").and_then(Value::as_array);
            if !usages.is_some_and(|usages| usages.iter().any(|known| known == usage)) {
                return Err(malformed("usage does not name what it is for"));
            }
            let all = object.get("keys").and_then(Value::as_object).map_or(0, Map::len);
            match ed25519(&object).next() {
                Some((id, public)) if all == 1 && id.strip_prefix("ed25519:") == Some(public) => {}
                _ => return Err(malformed("it must hold one key, ed25519 under its own public key")),
            }
            objects.insert(*usage, object);
        }
        let stored = known.master.as_ref().and_then(Value::as_object);
        let master = objects.get("master").or(stored).and_then(|master| ed25519(master).next());
        for (usage, object) in &objects {
            let wrong = |wrong| CrossSigningError::Signature { usage: (*usage).to_owned(), wrong };
            if *usage == "master" {
                let of_devices = known.devices.values().filter_map(Value::as_object).flat_map(ed25519);
                for (id, public) in of_devices {
                    if signature(object, user_id, id).is_some_and(|found| !is_signature(object, public, found)) {
                        return Err(wrong("the signature of your device is wrong"));
                    }
                }
                continue;
            }
            let (id, public) = master.ok_or(CrossSigningError::NoMaster)?;
            if !signature(object, user_id, id).is_some_and(|found| is_signature(object, public, found)) {
                return Err(wrong("the master key has not signed it"));
            }
        }
        Ok(())
    }

    /// Signatures of `signer` on own keys (by a device or the self-signing key) and on the master keys of others (by the
    /// user-signing key); all other content of the objects must be what is known.
    pub async fn upload_signatures(
        &self,
        signer: &UserId,
        signed: &SignedKeys,
    ) -> Result<SignatureFailures, CommitError> {
        let own = self.query(signer, &[], signer).await?;
        let mut failures = Vec::new();
        for (user_id, objects) in signed {
            let others = if user_id == signer { None } else { Some(self.query(user_id, &[], signer).await?) };
            let mut statements = Vec::new();
            for (key_id, object) in objects {
                match new_signatures(signer, &own, others.as_ref(), key_id, object) {
                    Ok(new) => statements.extend(new.into_iter().map(|(signing_key_id, signature)| {
                        put_key_signature(user_id.as_str(), key_id, signer.as_str(), signing_key_id, signature)
                    })),
                    Err(failure) => failures.push((user_id.clone(), key_id.clone(), failure)),
                }
            }
            if !statements.is_empty() {
                self.commit_list(user_id, statements).await?;
            }
        }
        Ok(failures)
    }
}

/// (signing key, signature) of those that are new; `others` none: on the signer's own keys.
fn new_signatures<'a>(
    signer: &UserId,
    own: &UserKeys,
    others: Option<&UserKeys>,
    key_id: &str,
    object: &'a Object,
) -> Result<Vec<(&'a str, &'a str)>, SignatureFailure> {
    let keys = others.unwrap_or(own);
    let cross_signing = [&keys.master, &keys.self_signing, &keys.user_signing].into_iter().flatten();
    let mut cross_signing = cross_signing.filter_map(Value::as_object);
    let target = match keys.devices.get(key_id).and_then(Value::as_object) {
        Some(device) => device,
        None => cross_signing
            .find(|key| ed25519(key).any(|(_, public)| public == key_id))
            .ok_or(SignatureFailure::Unknown)?,
    };
    if !is_same(target, object) {
        return Err(SignatureFailure::Other);
    }
    let by: Vec<&Object> = match others {
        Some(_) => own.user_signing.iter().filter_map(Value::as_object).collect(),
        None => {
            let cross_signing = [&own.master, &own.self_signing].into_iter().flatten();
            own.devices.values().chain(cross_signing).filter_map(Value::as_object).collect()
        }
    };
    let by: BTreeMap<&str, &str> = by.into_iter().flat_map(ed25519).collect();
    let given = object.get("signatures").and_then(|all| all.get(signer.as_str())).and_then(Value::as_object);
    let mut new = Vec::new();
    for (id, found) in given.ok_or(SignatureFailure::Invalid)? {
        let found = found.as_str().ok_or(SignatureFailure::Invalid)?;
        if signature(target, signer, id) == Some(found) {
            continue;
        }
        let public = by.get(id.as_str()).ok_or(SignatureFailure::Invalid)?;
        if !is_signature(object, public, found) {
            return Err(SignatureFailure::Invalid);
        }
        new.push((id.as_str(), found));
    }
    Ok(new)
}

/// `ed25519:{id}` and the public key.
fn ed25519(object: &Object) -> impl Iterator<Item = (&str, &str)> {
    let keys = object.get("keys").and_then(Value::as_object).into_iter().flatten();
    keys.filter(|(id, _)| id.starts_with("ed25519:")).filter_map(|(id, key)| Some((id.as_str(), key.as_str()?)))
}

fn signature<'a>(object: &'a Object, signer: &UserId, key_id: &str) -> Option<&'a str> {
    object.get("signatures")?.get(signer.as_str())?.get(key_id)?.as_str()
}

/// Whether `signature` is that of the ed25519 key over the object without its signatures.
fn is_signature(object: &Object, public_key: &str, signature: &str) -> bool {
    let Ok(object) = serde_json::from_value::<CanonicalJsonObject>(object.clone().into()) else { return false };
    let (Ok(key), Ok(signature)) = (Base64::parse(public_key), Base64::parse(signature)) else { return false };
    let (key, signature): (Base64, Base64) = (key, signature);
    let Ok(text) = to_canonical_json_string_for_signing(&object) else { return false };
    let algorithm = SigningKeyAlgorithm::Ed25519;
    verify_canonical_json_bytes(&algorithm, key.as_bytes(), signature.as_bytes(), text.as_bytes()).is_ok()
}

/// Two objects without what may be added to a signed one.
fn is_same(one: &Object, other: &Object) -> bool {
    let signed = |object: &Object| {
        let mut object = object.clone();
        object.remove("signatures");
        object.remove("unsigned");
        object
    };
    signed(one) == signed(other)
}
