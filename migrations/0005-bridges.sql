-- Bridges: what is installed, who is logged in, and the maps between remote ids and Matrix ids.
-- `receiver` and `login` are '' where a chat is shared or a row is the bridge's own, `part` where a message has one part.

create table bridges (
    id text primary key,
    plugin text not null,
    component text not null,
    sha256 text not null,
    rights text not null,
    config text not null,
    permissions text not null,
    relay text,
    enabled bigint not null,
    state text,
    created_at bigint not null
);

create table bridge_logins (
    bridge text not null,
    login text not null,
    owner text not null,
    remote_name text not null,
    ghost text,
    profile text not null,
    state text,
    management_room text,
    primary key (bridge, login)
) /* clustered */;

create table bridge_portals (
    bridge text not null,
    id text not null,
    receiver text not null,
    room_id text,
    info text not null,
    listener text,
    primary key (bridge, receiver, id)
) /* clustered */;
create unique index bridge_portals_room on bridge_portals (room_id);

create table bridge_portal_logins (
    bridge text not null,
    portal text not null,
    receiver text not null,
    login text not null,
    primary key (bridge, receiver, portal, login)
) /* clustered */;

create table bridge_ghosts (
    bridge text not null,
    ghost text not null,
    user_id text not null,
    name text,
    avatar_id text,
    avatar_uri text,
    is_bot bigint not null,
    identifiers text not null,
    primary key (bridge, ghost)
) /* clustered */;
create unique index bridge_ghosts_user on bridge_ghosts (user_id);

-- The message map. A remote id is unique in its bridge, per receiver where the portal has one.
create table bridge_messages (
    bridge text not null,
    receiver text not null,
    message text not null,
    part text not null,
    portal text not null,
    event_id text not null,
    sender text not null,
    sent_at bigint not null,
    metadata text,
    primary key (bridge, receiver, message, part)
) /* clustered */;
create index bridge_messages_event on bridge_messages (event_id);

create table bridge_reactions (
    bridge text not null,
    receiver text not null,
    message text not null,
    part text not null,
    sender text not null,
    emoji_id text not null,
    event_id text not null,
    primary key (bridge, receiver, message, part, sender, emoji_id)
) /* clustered */;
create index bridge_reactions_event on bridge_reactions (event_id);

-- Idempotency keys of remote events that were taken.
create table bridge_keys (
    bridge text not null,
    receiver text not null,
    remote_key text not null,
    primary key (bridge, receiver, remote_key)
) /* clustered */;

create table bridge_kv (
    bridge text not null,
    login text not null,
    secret bigint not null,
    name text not null,
    value bytea not null,
    primary key (bridge, login, secret, name)
) /* clustered */;

create table bridge_timers (
    bridge text not null,
    login text not null,
    name text not null,
    due_at bigint not null,
    primary key (bridge, login, name)
) /* clustered */;

-- What was taken from the network and is not in its room yet, in order per lane (a portal, or a login's management room).
create table bridge_inbox (
    bridge text not null,
    seq bigint not null,
    lane text not null,
    work text not null,
    primary key (bridge, seq)
) /* clustered */;

-- What became of the Matrix events that were offered to a login's connector.
create table bridge_sends (
    bridge text not null,
    login text not null,
    event_id text not null,
    room_id text not null,
    position bigint not null,
    status text not null,
    detail text,
    attempt bigint not null,
    updated_at bigint not null,
    primary key (bridge, login, event_id)
) /* clustered */;
create index bridge_sends_pending on bridge_sends (bridge, status, login);
create index bridge_sends_event on bridge_sends (event_id);

create table bridge_management_rooms (
    bridge text not null,
    room_id text not null,
    user_id text not null,
    primary key (bridge, room_id)
) /* clustered */;

create table bridge_dead_letters (
    bridge text not null,
    login text not null,
    what text not null,
    reason text not null,
    at bigint not null
);
