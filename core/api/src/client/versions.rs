use std::collections::BTreeMap;

use ruma::api::client::discovery::get_supported_versions::{Request, Response};

use crate::{Answer, Ruma};

/// Versions that are served. The old ones too: clients look for the newest that they know.
const VERSIONS: [&str; 25] = [
    "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4",
    "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13", "v1.14", "v1.15", "v1.16", "v1.17",
];

/// Flags of what works here. Each switches bridges to another code path: never one without its behavior.
const FEATURES: [&str; 11] = [
    "com.beeper.batch_sending",
    "com.beeper.msc4169",
    "fi.mau.msc2246.stable",
    "fi.mau.msc2659.stable",
    "org.matrix.msc3916.stable",
    "org.matrix.msc4143",
    "org.matrix.msc4194",
    "org.matrix.simplified_msc3575",
    "uk.half-shot.msc2666.query_mutual_rooms",
    "uk.half-shot.msc2666.query_mutual_rooms.stable",
    "uk.tcpip.msc4133.stable",
];

/// `GET /_matrix/client/versions` (client-server API, "API Versions")
pub async fn versions(_: Ruma<Request>) -> Answer<Response> {
    let mut response = Response::new(VERSIONS.map(str::to_owned).to_vec());
    response.unstable_features = FEATURES.iter().map(|flag| ((*flag).to_owned(), true)).collect::<BTreeMap<_, _>>();
    Answer(response)
}
