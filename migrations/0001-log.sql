-- The log, rooms, state and interning.

-- One row per sequence; `position` is the log's.
create table counters (
    name text not null primary key,
    value bigint not null
) /* clustered */;
insert into counters (name, value) values ('position', 0), ('nid', 0), ('key', 0);

-- Interned texts: a number each, given once and never to another.
create table users (
    nid bigint primary key,
    user_id text not null unique
);
create table state_keys (
    nid bigint primary key,
    event_type text not null,
    state_key text not null,
    unique (event_type, state_key)
);
create table destinations (
    nid bigint primary key,
    destination text not null unique
);
-- A set of destinations; `members` is their numbers in order, joined by commas.
create table interests (
    nid bigint primary key,
    members text not null unique
);
create table interest_members (
    destination bigint not null,
    interest bigint not null,
    primary key (destination, interest)
) /* clustered */;

create table rooms (
    nid bigint primary key,
    room_id text not null unique,
    version text not null,
    -- the newest event: what the compare-and-swap of a commit looks at
    head bigint not null,
    -- forward extremities, 8 bytes each, little-endian
    extremities bytea not null,
    depth bigint not null,
    last_place bigint not null,
    -- of the newest live event
    last_position bigint not null,
    -- state after the extremities
    state bigint not null
);

create table events (
    nid bigint primary key,
    event_id text not null unique,
    room bigint not null,
    place bigint not null,
    position bigint not null unique,
    -- 0 live, 1 history, 2 outlier, 3 soft-failed, 4 rejected
    kind bigint not null,
    depth bigint not null,
    ts bigint not null,
    sender bigint not null,
    -- of state events: the interned type and state key
    state_key bigint,
    -- of state events: the event that had this type and state key before
    replaces bigint,
    -- the state after the event
    state bigint not null,
    interest bigint not null,
    redacted_by bigint,
    -- a byte that names the form, then the PDU in that form
    pdu bytea not null,
    unique (room, place)
);
create index events_state_changes on events (room, position) where state_key is not null;

-- For state resolution and federation: the edges of the auth graph, of state events only.
create table auth_edges (
    event bigint not null,
    auth bigint not null,
    primary key (event, auth)
) /* clustered */;

-- A state is a trie's root and the changes since, as causeway-room encodes them.
create table states (
    nid bigint primary key,
    state bytea not null
);
create table state_nodes (
    nid bigint primary key,
    node bytea not null
);

create table memberships (
    member bigint not null,
    room bigint not null,
    -- the word of the specification
    membership text not null,
    event bigint not null,
    position bigint not null,
    primary key (member, room)
) /* clustered */;
create index memberships_by_room on memberships (room, membership);

-- Requests that must not be carried out twice; kept for a day.
create table client_transactions (
    sender bigint not null,
    device text not null,
    room bigint not null,
    txn_id text not null,
    event bigint not null,
    ts bigint not null,
    primary key (sender, device, room, txn_id)
) /* clustered */;
create index client_transactions_by_event on client_transactions (event);

create table relations (
    -- the event that is related to; it need not be known
    target text not null,
    rel_type text not null,
    event bigint not null,
    room bigint not null,
    event_type text not null,
    sender bigint not null,
    -- of annotations
    aggregation_key text,
    primary key (target, rel_type, event)
) /* clustered */;
create index relations_by_event on relations (event);
