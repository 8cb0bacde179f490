-- Rooms that an admin deletes: what was asked for, and how far it is. A deleted room's row in `rooms` stays with head 0
-- while somebody may still have to be told that they are out of it.

create table room_deletions (
    id text not null primary key,
    room_id text not null,
    -- null: there was no such room, it is only blocked
    room bigint,
    -- JSON
    wanted text not null,
    -- the log's position then
    position bigint not null,
    -- milliseconds since the Unix epoch
    begun bigint not null,
    -- the room that the members come into instead
    new_room_id text,
    -- JSON: who was put out, which aliases the room had
    outcome text not null,
    -- active, complete or failed
    status text not null,
    error text
) /* clustered */;
create index room_deletions_of_room on room_deletions (room_id);
