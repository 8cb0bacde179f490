-- Receipts, aliases, the room directory, rooms that were forgotten.

create table receipts (
    room bigint not null,
    user_id text not null,
    -- m.read or m.read.private
    type text not null,
    -- '' unthreaded, main, or the thread's root
    thread text not null,
    event_id text not null,
    -- where the event is, in its room and in the log
    place bigint not null,
    event_position bigint not null,
    ts bigint not null,
    position bigint not null,
    primary key (room, user_id, type, thread)
) /* clustered */;
create index receipts_changes on receipts (position);

create table aliases (
    alias text not null primary key,
    room_id text not null,
    creator text not null
) /* clustered */;
create index aliases_of_room on aliases (room_id, alias);

-- Network '' is the server's own directory, others are those of appservices: "{registration id}|{network}".
create table published_rooms (
    network text not null,
    room_id text not null,
    primary key (network, room_id)
) /* clustered */;

create table forgotten_rooms (
    user_id text not null,
    room bigint not null,
    -- of the membership that was forgotten; a later one brings the room back
    event bigint not null,
    primary key (user_id, room)
) /* clustered */;
