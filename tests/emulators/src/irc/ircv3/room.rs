//! Channels, and what is said in them and in private.

use super::Spoken;
use super::line::Line;
use super::state::{Channel, Relay, SERVER, State};

fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn is_op(state: &State, channel: &str, id: u64) -> bool {
    state.channels.get(channel).and_then(|c| c.members.get(&id)).is_some_and(|modes| modes.contains('o'))
}

/// Tells all members of a channel; the sender with the label of its command.
fn tell(state: &State, channel: &str, id: u64, line: &Line, text: &str) {
    let Some(members) = state.channels.get(channel).map(|c| c.members.keys().copied().collect::<Vec<_>>()) else {
        return;
    };
    let relay = Relay { from: id, text, msgid: None, client_tags: &[], label: line.tag("label") };
    for member in members {
        state.relay(member, &relay);
    }
}

pub fn join(state: &mut State, id: u64, line: &Line) {
    let mut keys = line.param(1).split(',');
    for name in line.param(0).split(',') {
        let key = keys.next().unwrap_or_default();
        if !name.starts_with('#') {
            state.reply(id, line.tag("label"), "403", &format!("{name} :no such channel"));
            continue;
        }
        let folded = fold(name);
        let nick = state.clients.get(&id).map(|c| c.nick.clone()).unwrap_or_default();
        let channel = state
            .channels
            .entry(folded.clone())
            .or_insert_with(|| Channel { name: name.to_owned(), ..Channel::default() });
        if channel.members.contains_key(&id) {
            continue;
        }
        if channel.key.as_deref().is_some_and(|wanted| wanted != key) {
            state.reply(id, line.tag("label"), "475", &format!("{name} :cannot join channel (+k)"));
            continue;
        }
        if channel.bans.iter().any(|mask| mask.split('!').next().is_some_and(|m| m.eq_ignore_ascii_case(&nick))) {
            state.reply(id, line.tag("label"), "474", &format!("{name} :cannot join channel (+b)"));
            continue;
        }
        let modes = if channel.members.is_empty() { "o" } else { "" };
        channel.members.insert(id, modes.to_owned());
        let (name, topic) = (channel.name.clone(), channel.topic.clone());
        tell(state, &folded, id, line, &format!("JOIN {name}"));
        if !topic.is_empty() {
            state.reply(id, None, "332", &format!("{name} :{topic}"));
        }
        names(state, id, &name);
    }
}

pub fn names(state: &mut State, id: u64, name: &str) {
    let Some(channel) = state.channels.get(&fold(name)) else {
        return state.reply(id, None, "366", &format!("{name} :end of /NAMES list"));
    };
    let with_hosts = state.clients.get(&id).is_some_and(|c| c.has("userhost-in-names"));
    let named = |(member, modes): (&u64, &String)| {
        let client = state.clients.get(member)?;
        let sign = if modes.contains('o') {
            "@"
        } else if modes.contains('v') {
            "+"
        } else {
            ""
        };
        Some(format!("{sign}{}", if with_hosts { client.source() } else { client.nick.clone() }))
    };
    let list: Vec<String> = channel.members.iter().filter_map(named).collect();
    for some in list.chunks(8) {
        state.reply(id, None, "353", &format!("= {} :{}", channel.name, some.join(" ")));
    }
    state.reply(id, None, "366", &format!("{} :end of /NAMES list", channel.name));
}

pub fn part(state: &mut State, id: u64, line: &Line) {
    for name in line.param(0).split(',') {
        let folded = fold(name);
        if !state.channels.get(&folded).is_some_and(|c| c.members.contains_key(&id)) {
            state.reply(id, line.tag("label"), "442", &format!("{name} :you're not on that channel"));
            continue;
        }
        tell(state, &folded, id, line, &format!("PART {name} :{}", line.param(1)));
        leave(state, &folded, id);
    }
}

fn leave(state: &mut State, folded: &str, id: u64) {
    if let Some(channel) = state.channels.get_mut(folded) {
        channel.members.remove(&id);
        if channel.members.is_empty() {
            state.channels.remove(folded);
        }
    }
}

pub fn kick(state: &mut State, id: u64, line: &Line) {
    let folded = fold(line.param(0));
    if !is_op(state, &folded, id) {
        return state.reply(id, line.tag("label"), "482", &format!("{} :you're not channel operator", line.param(0)));
    }
    let target =
        state.find(line.param(1)).filter(|t| state.channels.get(&folded).is_some_and(|c| c.members.contains_key(t)));
    let Some(target) = target else {
        return state.reply(
            id,
            line.tag("label"),
            "441",
            &format!("{} {} :they aren't on that channel", line.param(1), line.param(0)),
        );
    };
    tell(state, &folded, id, line, &format!("KICK {} {} :{}", line.param(0), line.param(1), line.param(2)));
    leave(state, &folded, target);
}

pub fn topic(state: &mut State, id: u64, line: &Line) {
    let folded = fold(line.param(0));
    if !state.channels.get(&folded).is_some_and(|c| c.members.contains_key(&id)) {
        return state.reply(id, line.tag("label"), "442", &format!("{} :you're not on that channel", line.param(0)));
    }
    if let Some(channel) = state.channels.get_mut(&folded) {
        channel.topic = line.param(1).to_owned();
    }
    tell(state, &folded, id, line, &format!("TOPIC {} :{}", line.param(0), line.param(1)));
}

/// One mode a command: o, v, b, k.
pub fn mode(state: &mut State, id: u64, line: &Line) {
    let (name, change, arg) = (line.param(0), line.param(1), line.param(2));
    let folded = fold(name);
    if change.is_empty() || !name.starts_with('#') {
        return state.reply(id, line.tag("label"), "324", &format!("{name} +nt"));
    }
    if !is_op(state, &folded, id) {
        return state.reply(id, line.tag("label"), "482", &format!("{name} :you're not channel operator"));
    }
    let target = state.find(arg);
    let Some(channel) = state.channels.get_mut(&folded) else { return };
    let set = change.starts_with('+');
    match change.chars().nth(1) {
        Some(mode @ ('o' | 'v')) => {
            if let Some(modes) = target.and_then(|t| channel.members.get_mut(&t)) {
                modes.retain(|m| m != mode);
                modes.extend(set.then_some(mode));
            }
        }
        Some('b') if set => _ = channel.bans.insert(arg.to_owned()),
        Some('b') => _ = channel.bans.remove(arg),
        Some('k') => channel.key = set.then(|| arg.to_owned()),
        _ => {}
    }
    tell(state, &folded, id, line, &format!("MODE {name} {change} {arg}"));
}

pub fn say(state: &mut State, id: u64, line: &Line) {
    let target = line.param(0).trim_start_matches(['@', '+']).to_owned();
    let label = line.tag("label");
    let receivers: Vec<u64> = if target.starts_with('#') {
        match state.channels.get(&fold(&target)) {
            Some(channel) if channel.members.contains_key(&id) => {
                channel.members.keys().copied().filter(|m| *m != id).collect()
            }
            Some(_) => return state.reply(id, label, "404", &format!("{target} :cannot send to channel")),
            None => return state.reply(id, label, "403", &format!("{target} :no such channel")),
        }
    } else {
        match state.find(&target) {
            Some(receiver) => vec![receiver],
            None => return state.reply(id, label, "401", &format!("{target} :no such nick")),
        }
    };
    let msgid = format!("m{}", state.next_id());
    let client_tags: Vec<(String, String)> =
        line.tags.iter().filter(|(key, _)| key.starts_with('+')).cloned().collect();
    let is_tagmsg = line.command == "TAGMSG";
    let text = if is_tagmsg {
        format!("TAGMSG {}", line.param(0))
    } else {
        format!("{} {} :{}", line.command, line.param(0), line.param(1))
    };
    let relay = Relay { from: id, text: &text, msgid: Some(&msgid), client_tags: &client_tags, label };
    for receiver in receivers {
        if !is_tagmsg || state.clients.get(&receiver).is_some_and(|c| c.has("message-tags")) {
            state.relay(receiver, &relay);
        }
    }
    let Some(client) = state.clients.get(&id) else { return };
    if client.has("echo-message") {
        state.relay(id, &relay);
    } else if let Some(label) = label.filter(|_| client.has("labeled-response")) {
        client.write(format!("@label={label} :{SERVER} ACK"));
    }
    if !is_tagmsg {
        let nick = client.nick.clone();
        state.spoken.push(Spoken { msgid, nick, target: line.param(0).to_owned(), text: line.param(1).to_owned() });
    }
}

pub fn redact(state: &mut State, id: u64, line: &Line) {
    let (target, msgid) = (line.param(0), line.param(1));
    let nick = state.clients.get(&id).map(|c| c.nick.clone()).unwrap_or_default();
    let is_own = state.spoken.iter().any(|s| s.msgid == msgid && s.nick == nick);
    if !is_own {
        let label = line.tag("label").map(|l| format!("@label={l} ")).unwrap_or_default();
        if let Some(client) = state.clients.get(&id) {
            client
                .write(format!("{label}:{SERVER} FAIL REDACT UNKNOWN_MSGID {target} {msgid} :you said no such thing"));
        }
        return;
    }
    tell(state, &fold(target), id, line, &format!("REDACT {target} {msgid} :{}", line.param(2)));
}
