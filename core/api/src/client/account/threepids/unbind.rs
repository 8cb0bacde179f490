use ruma::api::client::account::ThirdPartyIdRemovalStatus;
use ruma::api::client::account::unbind_3pid::v3::{Request, Response};

use crate::{Answer, Ruma};

/// `POST /_matrix/client/v3/account/3pid/unbind`: nothing was published at an identity server from here.
pub async fn unbind(_: Ruma<Request>) -> Answer<Response> {
    Answer(Response::new(ThirdPartyIdRemovalStatus::NoSupport))
}
