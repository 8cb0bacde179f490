use serde_json::{Value, json};

use crate::discord::error::ApiError;
use crate::discord::http::{Answer, Asked};
use crate::discord::state::{State, id_of, intents, permissions};
use crate::discord::time::{iso, of_snowflake};

/// Fields that no guild here has a value for.
const ABSENT: [&str; 17] = [
    "icon",
    "splash",
    "discovery_splash",
    "afk_channel_id",
    "application_id",
    "system_channel_id",
    "rules_channel_id",
    "max_presences",
    "vanity_url_code",
    "description",
    "banner",
    "public_updates_channel_id",
    "safety_alerts_channel_id",
    "widget_channel_id",
    "hub_type",
    "home_header",
    "incidents_data",
];

/// A guild as `GUILD_CREATE` has it.
pub fn whole(state: &State, guild: u64, wanted: u64) -> Value {
    let mut value = brief(state, guild);
    let Some(found) = state.guilds.get(&guild) else { return value };
    let of = |is_thread: bool| -> Vec<Value> {
        let channels = state.channels.values().filter(|channel| channel.guild() == Some(guild));
        channels.filter(|channel| channel.is_thread() == is_thread).map(|channel| channel.value.clone()).collect()
    };
    value["channels"] = of(false).into();
    value["threads"] = of(true).into();
    // Without the intent only bots themselves are shown.
    let is_bot = |member: &&Value| state.bots.values().any(|bot| id_of(&bot.user) == id_of(&member["user"]));
    let shown = found.members.values().filter(|member| wanted & intents::GUILD_MEMBERS != 0 || is_bot(member));
    value["members"] = shown.cloned().collect::<Vec<_>>().into();
    value["member_count"] = found.members.len().into();
    value["joined_at"] = iso(of_snowflake(guild)).into();
    (value["large"], value["unavailable"]) = (false.into(), false.into());
    for list in ["voice_states", "presences", "stage_instances", "guild_scheduled_events", "soundboard_sounds"] {
        value[list] = json!([]);
    }
    value
}

/// The same without what is only told when it is new.
fn brief(state: &State, guild: u64) -> Value {
    let Some(found) = state.guilds.get(&guild) else { return Value::Null };
    let mut value = json!({
        "id": guild.to_string(), "name": "", "owner_id": "0", "region": "europe", "afk_timeout": 300,
        "verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0, "features": [],
        "mfa_level": 0, "system_channel_flags": 0, "max_members": 500_000, "premium_tier": 0,
        "premium_subscription_count": 0, "preferred_locale": "en-US", "nsfw_level": 0, "stickers": [],
        "premium_progress_bar_enabled": false, "max_video_channel_users": 25, "max_stage_video_channel_users": 50,
        "widget_enabled": false, "nsfw": false, "embed_enabled": false,
    });
    for absent in ABSENT {
        value[absent] = Value::Null;
    }
    for (key, more) in found.value.as_object().into_iter().flatten() {
        value[key.as_str()] = more.clone();
    }
    value["roles"] = found.roles.clone().into();
    value["emojis"] = found.emojis.clone().into();
    value
}

fn seen(state: &State, bot: u64, guild: u64) -> Result<(), ApiError> {
    let guild = state.guild(guild)?;
    if guild.members.contains_key(&bot) { Ok(()) } else { Err(ApiError::forbidden(50001, "Missing Access")) }
}

pub fn mine(state: &State, bot: u64) -> Answer {
    let mine = state.guilds.iter().filter(|(_, guild)| guild.members.contains_key(&bot));
    let short = |(id, guild): (&u64, &crate::discord::state::Guild)| {
        json!({
            "id": id.to_string(), "name": guild.value["name"], "icon": guild.value["icon"], "banner": null,
            "owner": false, "permissions": (permissions::ALL & !guild.denied).to_string(), "features": [],
        })
    };
    Ok(mine.map(short).collect())
}

pub fn get(state: &State, bot: u64, guild: u64) -> Answer {
    seen(state, bot, guild)?;
    Ok(brief(state, guild))
}

pub fn channels(state: &State, bot: u64, guild: u64) -> Answer {
    seen(state, bot, guild)?;
    let channels = state.channels.values().filter(|channel| channel.guild() == Some(guild) && !channel.is_thread());
    Ok(channels.map(|channel| channel.value.clone()).collect())
}

pub fn members(state: &State, bot: u64, guild: u64, asked: &Asked) -> Answer {
    seen(state, bot, guild)?;
    let number = |key: &str| asked.query.get(key).and_then(|text| text.parse::<u64>().ok());
    let limit = number("limit").unwrap_or(1);
    if !(1..=1000).contains(&limit) {
        return Err(ApiError::form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 1000."));
    }
    let is_let = state.bots.values().any(|b| id_of(&b.user) == bot && b.privileged & intents::GUILD_MEMBERS != 0);
    if !is_let {
        return Err(ApiError::forbidden(50001, "Missing Access"));
    }
    let after = number("after").unwrap_or(0);
    let members = state.guild(guild)?.members.range(after + 1..).take(limit as usize);
    Ok(members.map(|(_, member)| member.clone()).collect())
}

pub fn member(state: &State, bot: u64, guild: u64, user: u64) -> Answer {
    seen(state, bot, guild)?;
    state.guild(guild)?.members.get(&user).cloned().ok_or_else(|| ApiError::unknown(10007, "Member"))
}

pub fn emojis(state: &State, bot: u64, guild: u64) -> Answer {
    seen(state, bot, guild)?;
    Ok(state.guild(guild)?.emojis.clone().into())
}

/// Takes somebody out.
pub fn remove(state: &mut State, bot: u64, guild: u64, user: u64, is_ban: bool) -> Answer {
    seen(state, bot, guild)?;
    let found = state.guild(guild)?;
    let needed = if is_ban { permissions::BAN } else { permissions::KICK };
    if found.denied & needed != 0 {
        return Err(ApiError::missing_permissions());
    }
    if !found.members.contains_key(&user) && !is_ban {
        return Err(ApiError::unknown(10007, "Member"));
    }
    if is_ban && let Some(guild) = state.guilds.get_mut(&guild) {
        guild.bans.push(user);
    }
    leave(state, guild, user)?;
    Ok(Value::Null)
}

pub fn leave(state: &mut State, guild: u64, user: u64) -> Result<(), ApiError> {
    let data = json!({"guild_id": guild.to_string(), "user": state.user(user)?});
    if let Some(guild) = state.guilds.get_mut(&guild) {
        guild.members.remove(&user);
    }
    state.dispatch(None, Some(guild), intents::GUILD_MEMBERS, "GUILD_MEMBER_REMOVE", &data);
    Ok(())
}
