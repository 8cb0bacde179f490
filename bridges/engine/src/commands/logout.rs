//! `logout [login]`

use super::{Asked, own_login};
use crate::bridge::Bridge;
use crate::engine::EngineError;

pub(super) async fn run(bridge: &Bridge, asked: &Asked<'_>, rest: &str) -> Result<String, EngineError> {
    let login = own_login(bridge, asked, rest)?;
    bridge.logout(&login).await?;
    Ok("Logged out.".into())
}
