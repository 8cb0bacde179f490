//! What appservices are asked: for users and aliases that nobody has made yet, and about the networks they bridge.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_registration::Registration;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Registered, Registrations};
use crate::appservice::{HttpAppservice, QueryError, ThirdParty};

/// What became of a question for a user or an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queried {
    /// One said yes: look again.
    Known,
    /// nobody has it, or nobody could be asked
    Unknown,
    /// Who may have it does not answer.
    Unanswered,
}

impl Registrations {
    /// Asks every appservice whose namespace holds the user, until one says that there is such a user now.
    pub async fn query_user(&self, user_id: &str) -> Queried {
        let mut outcome = Queried::Unknown;
        for (registered, http) in self.asked(|registration| registration.namespaces.users.matches(user_id)) {
            match outcome.or(&registered, http.query_user(user_id).await) {
                Queried::Known => return Queried::Known,
                other => outcome = other,
            }
        }
        outcome
    }

    /// The same for a room alias.
    pub async fn query_alias(&self, alias: &str) -> Queried {
        let mut outcome = Queried::Unknown;
        for (registered, http) in self.asked(|registration| registration.namespaces.aliases.matches(alias)) {
            match outcome.or(&registered, http.query_alias(alias).await) {
                Queried::Known => return Queried::Known,
                other => outcome = other,
            }
        }
        outcome
    }

    /// Protocols that some appservice lists.
    pub fn protocols(&self) -> BTreeSet<String> {
        self.list().iter().flat_map(|registered| registered.registration.protocols.clone()).collect()
    }

    /// What the appservices of a protocol say of it, as one. Each instance gets the id under which its rooms are
    /// listed: [`network`]. None when no appservice lists the protocol, or none of them knows it.
    pub async fn protocol(&self, protocol: &str) -> Option<Value> {
        let ask = |(registered, http): Asked| async move {
            let answer = logged(&registered, http.protocol(protocol).await).flatten()?;
            Some(with_ids(&registered.registration.id, answer))
        };
        join_all(self.of_protocol(protocol).into_iter().map(ask)).await.into_iter().flatten().reduce(merged)
    }

    /// Locations or users that the appservices of a protocol find by these fields; none when no appservice lists it.
    pub async fn third_party(
        &self,
        about: ThirdParty,
        protocol: &str,
        fields: &[(String, String)],
    ) -> Option<Vec<Value>> {
        let asked = self.of_protocol(protocol);
        if asked.is_empty() { None } else { Some(all(asked, about, Some(protocol), fields).await) }
    }

    /// Third-party locations behind a room alias, by the appservices whose namespace holds it.
    pub async fn locations_of_alias(&self, alias: &str) -> Vec<Value> {
        let asked = self.asked(|registration| registration.namespaces.aliases.matches(alias));
        all(asked, ThirdParty::Location, None, &[("alias".to_owned(), alias.to_owned())]).await
    }

    /// Third-party users behind a user id, by the appservices whose namespace holds it.
    pub async fn users_of_id(&self, user_id: &str) -> Vec<Value> {
        let asked = self.asked(|registration| registration.namespaces.users.matches(user_id));
        all(asked, ThirdParty::User, None, &[("userid".to_owned(), user_id.to_owned())]).await
    }

    fn of_protocol(&self, protocol: &str) -> Vec<Asked> {
        self.asked(|registration| registration.protocols.iter().any(|listed| listed == protocol))
    }

    fn asked(&self, may_know: impl Fn(&Registration) -> bool) -> Vec<Asked> {
        let list = self.list().into_iter().filter(|registered| may_know(&registered.registration));
        list.filter_map(|registered| registered.http.clone().map(|http| (registered, http))).collect()
    }
}

type Asked = (Arc<Registered>, Arc<HttpAppservice>);

/// What they answer, one after the other's.
async fn all(asked: Vec<Asked>, about: ThirdParty, protocol: Option<&str>, fields: &[(String, String)]) -> Vec<Value> {
    let ask = |(registered, http): Asked| async move {
        logged(&registered, http.third_party(about, protocol, fields).await).unwrap_or_default()
    };
    join_all(asked.into_iter().map(ask)).await.concat()
}

impl Queried {
    fn or(self, registered: &Registered, answer: Result<bool, QueryError>) -> Self {
        match answer {
            Ok(true) => Self::Known,
            Ok(false) => self,
            Err(error) => {
                tracing::warn!(registration = registered.registration.id, %error, "query failed");
                if matches!(error, QueryError::Unanswered(_)) { Self::Unanswered } else { self }
            }
        }
    }
}

/// The id of an appservice's network, in `third_party_instance_id` and as `instance_id`.
pub fn network(registration_id: &str, network_id: &str) -> String {
    format!("{registration_id}|{network_id}")
}

/// Who does not answer is left out of what all say together.
fn logged<T>(registered: &Registered, answer: Result<T, QueryError>) -> Option<T> {
    answer
        .inspect_err(|error| {
            tracing::warn!(registration = registered.registration.id, %error, "third-party look-up failed");
        })
        .ok()
}

fn with_ids(registration_id: &str, mut protocol: Value) -> Value {
    for instance in protocol["instances"].as_array_mut().into_iter().flatten() {
        if let Some(id) = instance["network_id"].as_str().map(|id| network(registration_id, id)) {
            instance["instance_id"] = id.into();
        }
    }
    // What the specification demands may be missing.
    let keys = [("instances", json!([])), ("user_fields", json!([])), ("location_fields", json!([]))];
    let keys = keys.into_iter().chain([("field_types", json!({})), ("icon", json!(""))]);
    if let Value::Object(protocol) = &mut protocol {
        for (key, default) in keys {
            protocol.entry(key).or_insert(default);
        }
    }
    protocol
}

/// The first one's words, with the other's instances and field types.
fn merged(mut one: Value, mut other: Value) -> Value {
    if let (Some(instances), Some(more)) = (one["instances"].as_array_mut(), other["instances"].as_array_mut()) {
        instances.append(more);
    }
    if let (Some(known), Some(more)) = (one["field_types"].as_object_mut(), other["field_types"].as_object()) {
        for (name, kind) in more {
            known.entry(name.clone()).or_insert_with(|| kind.clone());
        }
    }
    one
}
