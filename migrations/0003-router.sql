-- The router: registrations, destinations with their cursors and the transaction in flight, exceptions, dead letters.

-- documents as they were given, tokens included
create table registrations (
    id text not null primary key,
    document text not null,
    -- the configuration's file it came from; null: added by an admin or a bridge
    source text,
    -- milliseconds since the Unix epoch
    added bigint not null,
    changed bigint not null,
    -- 1: removed while its file still names it
    disabled bigint not null default 0
);

-- How far each destination is; the log's `destinations` has their names.
create table cursors (
    destination bigint not null primary key,
    -- random; with the serial it is the transaction id, so no id is ever given to other events
    epoch text not null,
    serial bigint not null,
    -- all that it was interested in up to here was taken, or is an exception or a dead letter
    cursor bigint not null,
    -- the same for what is told besides the log: receipts, messages to devices, device lists
    receipts bigint not null,
    -- the transaction under the last serial while it is unanswered: a JSON list of event numbers, in order
    in_flight text,
    paused bigint not null default 0,
    removed bigint not null default 0
);

-- Entries at or before the cursor that are not done: see the router's isolation.
create table exceptions (
    destination bigint not null,
    position bigint not null,
    event bigint not null,
    room bigint not null,
    -- pending, held or split
    kind text not null,
    reason text not null,
    attempts bigint not null,
    since bigint not null,
    primary key (destination, position)
) /* clustered */;

create table dead_letters (
    destination bigint not null,
    position bigint not null,
    event bigint not null,
    room bigint not null,
    reason text not null,
    attempts bigint not null,
    since bigint not null,
    died bigint not null,
    primary key (destination, position)
) /* clustered */;
