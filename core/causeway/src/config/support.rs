//! Whom people turn to: `/.well-known/matrix/support`, from `causeway.support`, or `admin_contact` alone.

use ruma::UserId;
use serde_json::{Value, json};

use super::section::Section;

pub fn read(root: &Section<'_>, own: &Section<'_>) -> Option<Value> {
    let contact = root.string("admin_contact");
    if own.get("support").is_some() {
        return Some(of_section(&own.section("support")));
    }
    let contact = contact?;
    let user = contact.strip_prefix("https://matrix.to/#/").unwrap_or(&contact);
    if let Some(address) = contact.strip_prefix("mailto:") {
        return Some(json!({ "contacts": [{ "role": "m.role.admin", "email_address": address }] }));
    }
    if UserId::parse(user).is_ok() {
        return Some(json!({ "contacts": [{ "role": "m.role.admin", "matrix_id": user }] }));
    }
    if is_page(&contact) {
        return Some(json!({ "support_page": contact }));
    }
    root.warn("admin_contact", "is neither mailto:ADDRESS nor a user id nor a page's URL; it is ignored");
    None
}

fn of_section(section: &Section<'_>) -> Value {
    let mut support = json!({});
    let contacts: Vec<Value> = section.sections("contacts").iter().map(contact).collect();
    if !contacts.is_empty() {
        support["contacts"] = contacts.into();
    }
    if let Some(page) = section.string("support_page") {
        if !is_page(&page) {
            section.mistake("support_page", "must be a page's URL; write https://…");
        }
        support["support_page"] = page.into();
    }
    if support == json!({}) {
        section.mistake("contacts", "is missing; write a contact, or support_page: https://…");
    }
    section.finish();
    support
}

fn contact(entry: &Section<'_>) -> Value {
    let (user, address) = (entry.string("matrix_id"), entry.string("email_address"));
    if user.is_none() && address.is_none() {
        entry.mistake("email_address", "is missing; every contact has an email_address or a matrix_id");
    }
    if user.as_ref().is_some_and(|user| UserId::parse(user).is_err()) {
        entry.mistake("matrix_id", "is no user id; write one such as @admin:example.org");
    }
    let mut contact = json!({ "role": entry.string("role").unwrap_or_else(|| "m.role.admin".to_owned()) });
    for (key, value) in [("matrix_id", user), ("email_address", address), ("pgp_key", entry.string("pgp_key"))] {
        if let Some(value) = value {
            contact[key] = value.into();
        }
    }
    entry.finish();
    contact
}

fn is_page(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}
