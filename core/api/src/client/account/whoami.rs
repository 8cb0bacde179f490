use ruma::api::client::account::whoami::v3::{Request, Response};

use crate::{Answer, Ruma};

/// `GET /_matrix/client/v3/account/whoami` (client-server API, "Current account information"). An appservice that
/// names no device has none.
pub async fn whoami(Ruma { requester, .. }: Ruma<Request>) -> Answer<Response> {
    let mut response = Response::new(requester.user_id, requester.guest);
    response.device_id = requester.device_id;
    Answer(response)
}
