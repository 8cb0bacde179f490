//! `join CHAT`

use super::{Asked, own_login};
use crate::bridge::Bridge;
use crate::engine::EngineError;

pub(super) async fn run(bridge: &Bridge, asked: &Asked<'_>, rest: &str) -> Result<String, EngineError> {
    if rest.is_empty() {
        return Ok("Which chat? `join #channel`, or a person's name there.".into());
    }
    let login = own_login(bridge, asked, "")?;
    let room = bridge.open_chat(&login, rest).await?;
    Ok(format!("{rest} is {room}"))
}
