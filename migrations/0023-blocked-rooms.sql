-- Rooms that an admin has shut: nobody of this server comes in.

create table blocked_rooms (
    room_id text not null primary key,
    -- the admin's user id; '' is the local one
    user_id text not null
) /* clustered */;
