use axum::Json;
use axum::extract::State;
use causeway_router::Registrations;
use futures_util::future::join_all;
use ruma::api::client::thirdparty::get_protocols::v3::Request;
use serde_json::{Map, Value};

use crate::Ruma;

/// `GET /_matrix/client/v3/thirdparty/protocols` (client-server API, "Third-party networks"). Those whose appservices
/// don't answer are left out.
pub async fn protocols(State(registrations): State<Registrations>, _: Ruma<Request>) -> Json<Map<String, Value>> {
    let known = registrations.protocols();
    let answers = join_all(known.iter().map(|protocol| registrations.protocol(protocol))).await;
    Json(known.into_iter().zip(answers).filter_map(|(protocol, answer)| Some((protocol, answer?))).collect())
}
