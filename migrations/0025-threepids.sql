-- Addresses outside of Matrix that belong to accounts, the proofs that somebody owns one, and what users agreed to.

create table threepids (
    medium text not null,
    address text not null,
    user_id text not null,
    validated_at bigint not null,
    added_at bigint not null,
    primary key (medium, address)
) /* clustered */;
create index threepids_of_user on threepids (user_id);

-- E-mails with a link that were sent.
create table threepid_sessions (
    sid text not null primary key,
    -- 0 registration, 1 password reset, 2 adding
    purpose bigint not null,
    address text not null,
    -- SHA-256 of the client's secret, and of the token in the link
    client_secret bytea not null,
    token bytea not null,
    send_attempt bigint not null,
    next_link text,
    expires bigint not null,
    validated_at bigint
);
create index threepid_sessions_of_address on threepid_sessions (address, purpose);

-- The version of the terms (`user_consent`).
alter table accounts add column consent_version text;
