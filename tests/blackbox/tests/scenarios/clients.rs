//! Stock clients live on the hub.

use anyhow::Result;
use causeway_blackbox::{Database, Hub, HubOptions, node_script, python_script, scenario};
use serde_json::json;

async fn two_people(database: Database) -> Result<(Hub, causeway_blackbox::Place, serde_json::Value)> {
    let place = database.place()?;
    let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
    hub.user("alice").await?;
    hub.user("bob").await?;
    let arguments = json!({
        "url": hub.url(), "user": "alice", "password": "secret", "other": "bob", "other_password": "secret",
    });
    Ok((hub, place, arguments))
}

#[test]
fn matrix_nio_lives_on_the_hub_with_sqlite() -> Result<()> {
    scenario(async {
        let (_hub, _place, arguments) = two_people(Database::Sqlite).await?;
        python_script("nio_client.py", &arguments).await
    })
}

#[test]
fn matrix_nio_lives_on_the_hub_with_postgres() -> Result<()> {
    scenario(async {
        let (_hub, _place, arguments) = two_people(Database::Postgres).await?;
        python_script("nio_client.py", &arguments).await
    })
}

#[test]
fn matrix_js_sdk_lives_on_the_hub() -> Result<()> {
    scenario(async {
        let (_hub, _place, arguments) = two_people(Database::Sqlite).await?;
        node_script("js_client.mjs", &arguments).await
    })
}

/// The specification's end-to-end encryption as its users have it, by a client's own cryptography.
#[test]
fn matrix_js_sdk_encrypts_verifies_backs_up_and_restores_on_the_hub() -> Result<()> {
    scenario(async {
        let (_hub, _place, arguments) = two_people(Database::Sqlite).await?;
        node_script("encryption.mjs", &arguments).await
    })
}

/// Room list, timeline and encryption by sliding sync (MSC4186).
#[test]
fn matrix_js_sdk_slides_on_the_hub() -> Result<()> {
    scenario(async {
        let (_hub, _place, arguments) = two_people(Database::Sqlite).await?;
        node_script("sliding.mjs", &arguments).await
    })
}
