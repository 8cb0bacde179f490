-- Accounts and what belongs to one user: devices, tokens, profile, account data, filters, keys, to-device messages,
-- pushers, media. Times are milliseconds since the Unix epoch.

create table accounts (
    user_id text not null primary key,
    -- argon2id in PHC form; null: cannot log in by password
    password_hash text,
    admin bigint not null default 0,
    -- id of the registration that made it
    appservice text,
    created bigint not null,
    deactivated bigint not null default 0
);

create table registration_tokens (
    token text not null primary key,
    -- null: any number
    uses_allowed bigint,
    completed bigint not null default 0,
    expires bigint
);

create table profiles (
    user_id text not null,
    field text not null,
    -- JSON
    value text not null,
    primary key (user_id, field)
) /* clustered */;

create table devices (
    user_id text not null,
    device_id text not null,
    display_name text,
    created bigint not null,
    last_seen bigint,
    primary key (user_id, device_id)
) /* clustered */;

-- SHA-256 of each token
create table tokens (
    hash bytea not null primary key,
    -- 0 access, 1 refresh, 2 login, 3 OpenID
    kind bigint not null,
    user_id text not null,
    -- empty for login and OpenID tokens
    device_id text not null,
    expires bigint
);
create index tokens_of_device on tokens (user_id, device_id);

-- Tags and push rules too. A room id of '' is global.
create table account_data (
    user_id text not null,
    room_id text not null,
    type text not null,
    content text not null,
    position bigint not null,
    primary key (user_id, room_id, type)
) /* clustered */;
create index account_data_changes on account_data (user_id, position);

-- A filter's id is a hash of its text.
create table filters (
    user_id text not null,
    filter_id text not null,
    filter text not null,
    primary key (user_id, filter_id)
) /* clustered */;

create table media (
    media_id text not null primary key,
    user_id text not null,
    content_type text,
    file_name text,
    -- bytes; null while announced and not yet uploaded
    size bigint,
    created bigint not null
);

create table device_keys (
    user_id text not null,
    device_id text not null,
    keys text not null,
    primary key (user_id, device_id)
) /* clustered */;

create table one_time_keys (
    user_id text not null,
    device_id text not null,
    key_id text not null,
    algorithm text not null,
    key_json text not null,
    primary key (user_id, device_id, key_id)
) /* clustered */;

create table fallback_keys (
    user_id text not null,
    device_id text not null,
    algorithm text not null,
    key_id text not null,
    key_json text not null,
    used bigint not null default 0,
    primary key (user_id, device_id, algorithm)
) /* clustered */;

create table cross_signing_keys (
    user_id text not null,
    -- master, self_signing or user_signing
    usage text not null,
    key_json text not null,
    primary key (user_id, usage)
) /* clustered */;

-- Signatures that were made after the key was uploaded. `key_id` is a device id or a cross-signing public key.
create table key_signatures (
    user_id text not null,
    key_id text not null,
    signer text not null,
    signing_key_id text not null,
    signature text not null,
    primary key (user_id, key_id, signer, signing_key_id)
) /* clustered */;

-- When each user's devices or keys changed last.
create table device_lists (
    user_id text not null primary key,
    position bigint not null
);
create index device_lists_changes on device_lists (position);

create table to_device (
    user_id text not null,
    device_id text not null,
    position bigint not null,
    -- tells messages of one commit apart
    sequence bigint not null,
    sender text not null,
    type text not null,
    content text not null,
    primary key (user_id, device_id, position, sequence)
) /* clustered */;

create table to_device_transactions (
    user_id text not null,
    device_id text not null,
    txn_id text not null,
    created bigint not null,
    primary key (user_id, device_id, txn_id)
) /* clustered */;

create table pushers (
    user_id text not null,
    app_id text not null,
    pushkey text not null,
    pusher text not null,
    primary key (user_id, app_id, pushkey)
) /* clustered */;
