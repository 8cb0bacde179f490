//! The methods of the Bot API, one file for each noun.

mod change;
mod chats;
mod files;
mod send;
mod webhook;

pub use webhook::pending;

use serde_json::Value;

use super::error::ApiError;
use super::params::Params;
use super::state::{ChatType, State, id_of};

type Answer = Result<Value, ApiError>;

/// `method` in lower case; `None` where there is no such method.
pub fn call(state: &mut State, token: &str, method: &str, params: &Params) -> Option<Answer> {
    Some(match method {
        "getme" => Ok(state.bots[token].user.clone()),
        "setwebhook" => webhook::set(state, token, params),
        "deletewebhook" => webhook::delete(state, token, params),
        "getwebhookinfo" => webhook::info(state, token),
        "sendmessage" => send::message(state, token, params),
        "sendphoto" | "senddocument" | "sendvideo" | "sendvoice" | "sendaudio" | "sendsticker" | "sendanimation"
        | "sendvideonote" => send::media(state, token, params, &method[4..]),
        "sendmediagroup" => send::media_group(state, token, params),
        "sendlocation" => send::location(state, token, params),
        "sendvenue" => send::venue(state, token, params),
        "sendcontact" => send::contact(state, token, params),
        "sendpoll" => send::poll(state, token, params),
        "sendchataction" => send::action(state, token, params),
        "editmessagetext" => change::text(state, token, params),
        "editmessagecaption" => change::caption(state, token, params),
        "editmessagemedia" => change::media(state, token, params),
        "deletemessage" => change::delete(state, token, params),
        "deletemessages" => change::delete_many(state, token, params),
        "setmessagereaction" => change::react(state, token, params),
        "pinchatmessage" => change::pin(state, token, params, true),
        "unpinchatmessage" => change::pin(state, token, params, false),
        "getchat" => chats::get(state, token, params),
        "getchatmember" => chats::member(state, token, params),
        "getchatadministrators" => chats::administrators(state, token, params),
        "getchatmembercount" => chats::count(state, token, params),
        "setchattitle" => chats::set_title(state, token, params),
        "setchatdescription" => chats::set_description(state, token, params),
        "setchatphoto" => chats::set_photo(state, token, params),
        "banchatmember" => chats::ban(state, token, params),
        "unbanchatmember" => chats::unban(state, token, params),
        "leavechat" => chats::leave(state, token, params),
        "getuserprofilephotos" => files::profile_photos(state, params),
        "getfile" => files::get(state, params),
        _ => return None,
    })
}

/// The chat that a call names, where the bot may act in it.
fn chat_of(state: &State, token: &str, params: &Params) -> Result<i64, ApiError> {
    let named = params.text("chat_id").ok_or_else(|| ApiError::bad("chat_id is empty"))?;
    let by_name = || state.chat_by_name(&named).ok_or_else(|| ApiError::bad("chat not found"));
    let id = named.parse().or_else(|_| by_name())?;
    let chat = state.chat(id)?;
    if let Some(to) = chat.migrated_to {
        return Err(ApiError::migrated(to));
    }
    let kind = match chat.kind {
        ChatType::Private => "user",
        ChatType::Group => "group chat",
        ChatType::Supergroup => "supergroup chat",
        ChatType::Channel => "channel chat",
    };
    match (chat.kind, chat.members.get(&id_of(&state.bots[token].user)).map(String::as_str)) {
        (_, Some("member" | "administrator" | "creator")) => Ok(id),
        (ChatType::Private, Some(_)) => Err(ApiError::forbidden("bot was blocked by the user")),
        (ChatType::Private, None) => Err(ApiError::forbidden("bot can't initiate conversation with a user")),
        (_, Some("kicked")) => Err(ApiError::forbidden(&format!("bot was kicked from the {kind}"))),
        (_, _) => Err(ApiError::forbidden(&format!("bot is not a member of the {kind}"))),
    }
}

fn needs_admin(state: &State, token: &str, chat_id: i64) -> Result<(), ApiError> {
    let status = state.chat(chat_id)?.members.get(&id_of(&state.bots[token].user)).map(String::as_str);
    match status {
        Some("administrator" | "creator") => Ok(()),
        _ => Err(ApiError::bad("not enough rights")),
    }
}

fn required_int(params: &Params, key: &str) -> Result<i64, ApiError> {
    params.int(key).ok_or_else(|| ApiError::bad(&format!("{key} is empty")))
}
