use std::collections::BTreeMap;

use ruma::api::client::thirdparty::get_protocols::v3::{Request, Response};

use crate::{Answer, Ruma};

/// `GET /_matrix/client/v3/thirdparty/protocols` (client-server API, "Third-party lookups")
pub async fn protocols(_: Ruma<Request>) -> Answer<Response> {
    Answer(Response::new(BTreeMap::new()))
}
