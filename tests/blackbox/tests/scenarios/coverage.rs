//! Endpoints: what is served, and what is not says so with the specification's code.

use anyhow::{Result, ensure};
use causeway_blackbox::coverage::probe;
use causeway_blackbox::{Hub, HubOptions};

/// Released endpoints that were served when this was last looked at; it may only grow.
const SERVED: usize = 157;

#[tokio::test]
async fn no_endpoint_of_the_specification_is_lost_and_the_others_are_unrecognized() -> Result<()> {
    let hub = Hub::start(HubOptions::default()).await?;
    let probed = probe(&hub).await?;
    let served = probed.iter().filter(|(endpoint, served)| *served && endpoint.api != "msc").count();
    ensure!(
        served >= SERVED,
        "{served} endpoints are served, there were {SERVED}; `cargo xtask coverage` names the others"
    );
    Ok(())
}
