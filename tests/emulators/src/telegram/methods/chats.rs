use serde_json::{Value, json};

use super::{Answer, chat_of, needs_admin, required_int};
use crate::telegram::error::ApiError;
use crate::telegram::params::Params;
use crate::telegram::state::{ChatType, State, id_of};

pub fn get(state: &State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let chat = state.chat(chat_id)?;
    let mut full = state.brief(chat);
    full["accent_color_id"] = 0.into();
    full["max_reaction_count"] = 11.into();
    full["accepted_gift_types"] = json!({
        "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false, "premium_subscription": false,
        "gifts_from_channels": false,
    });
    if let Some(description) = &chat.description {
        full["description"] = description.clone().into();
    }
    if let Some(photo) = &chat.photo {
        full["photo"] = photo.clone();
    }
    Ok(full)
}

fn member_json(state: &State, user: i64, status: &str) -> Value {
    let of = state.users.get(&user).or_else(|| state.bot_user(user));
    let mut of = of.cloned().unwrap_or_else(|| json!({"id": user, "is_bot": false, "first_name": ""}));
    if let Some(of) = of.as_object_mut() {
        of.retain(|key, _| ["id", "is_bot", "first_name", "last_name", "username"].contains(&key.as_str()));
    }
    let mut member = json!({"user": of, "status": status});
    if status == "kicked" {
        member["until_date"] = 0.into();
    }
    if status == "creator" {
        member["is_anonymous"] = false.into();
    }
    if status == "administrator" {
        for right in [
            "can_be_edited",
            "is_anonymous",
            "can_manage_chat",
            "can_delete_messages",
            "can_manage_video_chats",
            "can_restrict_members",
            "can_promote_members",
            "can_change_info",
            "can_invite_users",
            "can_post_stories",
            "can_edit_stories",
            "can_delete_stories",
            "can_pin_messages",
            "can_post_messages",
        ] {
            member[right] = (right != "can_be_edited" && right != "is_anonymous").into();
        }
    }
    member
}

pub fn member(state: &State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let user = required_int(params, "user_id")?;
    let status = state.chat(chat_id)?.members.get(&user);
    let status = status.ok_or_else(|| ApiError::bad("member not found"))?;
    Ok(member_json(state, user, status))
}

pub fn administrators(state: &State, token: &str, params: &Params) -> Answer {
    let chat = state.chat(chat_of(state, token, params)?)?;
    if chat.kind == ChatType::Private {
        return Err(ApiError::bad("there are no administrators in the private chat"));
    }
    let rules = chat.members.iter().filter(|(_, status)| ["creator", "administrator"].contains(&status.as_str()));
    // Other bots are left out, as documented.
    let own = id_of(&state.bots[token].user);
    let rules = rules.filter(|(user, _)| **user == own || state.bot_user(**user).is_none());
    Ok(rules.map(|(user, status)| member_json(state, *user, status)).collect::<Vec<_>>().into())
}

pub fn count(state: &State, token: &str, params: &Params) -> Answer {
    let chat = state.chat(chat_of(state, token, params)?)?;
    Ok(chat.members.values().filter(|status| !["left", "kicked"].contains(&status.as_str())).count().into())
}

pub fn set_title(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    needs_admin(state, token, chat_id).map_err(|_| ApiError::bad("not enough rights to change chat title"))?;
    let title = params.text("title").filter(|title| !title.is_empty());
    let title = title.ok_or_else(|| ApiError::bad("title must be non-empty"))?;
    state.chat_mut(chat_id)?.title = title.clone();
    let bot = id_of(&state.bots[token].user);
    state.add_message(chat_id, bot, [("new_chat_title".to_owned(), title.into())].into_iter().collect())?;
    Ok(true.into())
}

pub fn set_description(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    needs_admin(state, token, chat_id).map_err(|_| ApiError::bad("not enough rights to set chat description"))?;
    state.chat_mut(chat_id)?.description = params.text("description");
    Ok(true.into())
}

pub fn set_photo(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    needs_admin(state, token, chat_id).map_err(|_| ApiError::bad("not enough rights to change chat photo"))?;
    let photo = params.files.get("photo").ok_or_else(|| ApiError::bad("there is no photo in the request"))?;
    let kept = state.keep_file(&photo.file_name, photo.data.clone());
    state.chat_mut(chat_id)?.photo = Some(json!({
        "small_file_id": kept["file_id"], "small_file_unique_id": kept["file_unique_id"],
        "big_file_id": kept["file_id"], "big_file_unique_id": kept["file_unique_id"],
    }));
    Ok(true.into())
}

fn set_status(state: &mut State, token: &str, params: &Params, status: &str) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    needs_admin(state, token, chat_id)
        .map_err(|_| ApiError::bad("not enough rights to restrict/unrestrict chat member"))?;
    let user = required_int(params, "user_id")?;
    state.chat_mut(chat_id)?.members.insert(user, status.to_owned());
    Ok(true.into())
}

pub fn ban(state: &mut State, token: &str, params: &Params) -> Answer {
    set_status(state, token, params, "kicked")
}

pub fn unban(state: &mut State, token: &str, params: &Params) -> Answer {
    set_status(state, token, params, "left")
}

pub fn leave(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let bot = id_of(&state.bots[token].user);
    if state.chat(chat_id)?.kind == ChatType::Private {
        return Err(ApiError::bad("chat not found"));
    }
    state.chat_mut(chat_id)?.members.insert(bot, "left".into());
    Ok(true.into())
}
