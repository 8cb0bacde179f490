//! What two registrations may not share.

use crate::model::Registration;
use crate::namespace::{Kind, Namespace};
use crate::overlap::common_id;

/// Why a registration cannot be added beside another one. Every text names both and the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    #[error("there is a registration {0:?} already; choose another id, or remove that one first")]
    Id(String),
    #[error("{id:?} has the same {key} as {other:?}; make a new one")]
    Token { id: String, other: String, key: &'static str },
    #[error("{id:?} has the same sender_localpart {localpart:?} as {other:?}; give one of them another bot")]
    Sender { id: String, other: String, localpart: String },
    #[error(
        "the sender {user_id} of {id:?} is in the exclusive namespace {regex:?} of {other:?}; rename it or narrow the namespace"
    )]
    SenderInNamespace { id: String, other: String, user_id: String, regex: String },
    #[error(
        "exclusive {kind} namespace {regex:?} of {id:?} overlaps with {other_regex:?} of {other:?}: both match {example}; narrow one of them, or set `exclusive: false`"
    )]
    Namespace { id: String, other: String, kind: Kind, regex: String, other_regex: String, example: String },
}

/// All conflicts of `new` with the registrations that are there. With `server_name` only ids of this server count, and
/// the senders' ids are compared too.
pub fn conflicts<'a>(
    new: &Registration,
    existing: impl IntoIterator<Item = &'a Registration>,
    server_name: Option<&str>,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    for other in existing {
        let (id, other_id) = (|| new.id.clone(), || other.id.clone());
        if new.id == other.id {
            found.push(Conflict::Id(id()));
            continue;
        }
        if new.as_token == other.as_token {
            found.push(Conflict::Token { id: id(), other: other_id(), key: "as_token" });
        }
        if new.hs_token == other.hs_token && new.url.is_some() && other.url.is_some() {
            found.push(Conflict::Token { id: id(), other: other_id(), key: "hs_token" });
        }
        if new.sender_localpart == other.sender_localpart {
            found.push(Conflict::Sender { id: id(), other: other_id(), localpart: new.sender_localpart.clone() });
        } else if let Some(name) = server_name {
            found.extend(sender_in_namespace(new, other, name));
            found.extend(sender_in_namespace(other, new, name));
        }
        for kind in Kind::ALL {
            common(new, other, kind, server_name, |ours, theirs, example| {
                if ours.exclusive && theirs.exclusive {
                    found.push(Conflict::Namespace {
                        id: id(),
                        other: other_id(),
                        kind,
                        regex: ours.regex.clone(),
                        other_regex: theirs.regex.clone(),
                        example,
                    });
                }
            });
        }
    }
    found
}

/// `owner`'s sender inside an exclusive namespace of `claimant`.
fn sender_in_namespace(owner: &Registration, claimant: &Registration, server_name: &str) -> Option<Conflict> {
    let user_id = owner.sender(server_name);
    let users = &claimant.namespaces.users;
    if !users.is_exclusive(&user_id) {
        return None;
    }
    let regex = users.iter().find(|namespace| {
        namespace.exclusive
            && crate::pattern::translate(&namespace.regex)
                .ok()
                .and_then(|pattern| regex::Regex::new(&pattern).ok())
                .is_some_and(|pattern| pattern.is_match(&user_id))
    })?;
    Some(Conflict::SenderInNamespace {
        id: owner.id.clone(),
        other: claimant.id.clone(),
        user_id,
        regex: regex.regex.clone(),
    })
}

/// Two namespaces that have ids in common and may: one of them at least is not exclusive.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Overlap {
    pub kind: Kind,
    pub regex: String,
    pub exclusive: bool,
    pub other: String,
    pub other_regex: String,
    pub other_exclusive: bool,
    /// an id that both match
    pub example: String,
}

/// What `new` shares with others without a conflict: both are told of these ids, and may act as them as far as none is
/// exclusive.
pub fn overlaps<'a>(
    new: &Registration,
    existing: impl IntoIterator<Item = &'a Registration>,
    server_name: Option<&str>,
) -> Vec<Overlap> {
    let mut found = Vec::new();
    for other in existing.into_iter().filter(|other| other.id != new.id) {
        for kind in Kind::ALL {
            common(new, other, kind, server_name, |ours, theirs, example| {
                if !(ours.exclusive && theirs.exclusive) {
                    found.push(Overlap {
                        kind,
                        regex: ours.regex.clone(),
                        exclusive: ours.exclusive,
                        other: other.id.clone(),
                        other_regex: theirs.regex.clone(),
                        other_exclusive: theirs.exclusive,
                        example,
                    });
                }
            });
        }
    }
    found
}

/// Tells of each pair of namespaces of one kind that have an id in common.
fn common(
    new: &Registration,
    other: &Registration,
    kind: Kind,
    server_name: Option<&str>,
    mut tell: impl FnMut(&Namespace, &Namespace, String),
) {
    // room ids of newer versions name no server
    let server_name = server_name.filter(|_| kind != Kind::Rooms);
    for ours in new.namespaces.of(kind).iter() {
        for theirs in other.namespaces.of(kind).iter() {
            if let Some(example) = common_id(&ours.regex, &theirs.regex, kind.sigil(), server_name) {
                tell(ours, theirs, example);
            }
        }
    }
}
