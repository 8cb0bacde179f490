-- Server-side key backups: each user's versions, and the room keys in them.

create table key_backups (
    user_id text not null,
    version bigint not null,
    algorithm text not null,
    -- JSON
    auth_data text not null,
    -- when the keys in it changed last
    position bigint not null,
    -- the number of a deleted version is not given again
    deleted bigint not null default 0,
    primary key (user_id, version)
) /* clustered */;

create table backed_up_keys (
    user_id text not null,
    version bigint not null,
    room_id text not null,
    session_id text not null,
    first_message_index bigint not null,
    forwarded_count bigint not null,
    is_verified bigint not null,
    -- JSON
    session_data text not null,
    position bigint not null,
    primary key (user_id, version, room_id, session_id)
) /* clustered */;
