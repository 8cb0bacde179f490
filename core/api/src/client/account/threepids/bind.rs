use ruma::api::client::account::bind_3pid::v3::Request;

use crate::{ApiError, Ruma};

/// `POST /_matrix/client/v3/account/3pid/bind`: publishing an address at an identity server. This hub talks to none.
pub async fn bind(_: Ruma<Request>) -> ApiError {
    ApiError::bad_request("M_SERVER_NOT_TRUSTED", "this server trusts no identity server")
}
