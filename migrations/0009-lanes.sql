-- Rooms of a destination go their own way; no index besides the primary key: a destination's lanes are read together.

-- serial of the transaction in flight; other ways may have had later ones
alter table cursors add column flight bigint not null default 0;
update cursors set flight = serial where in_flight is not null;

-- Rooms that go their own way: one that waits for an entry that failed, or, where rooms are delivered side by side, one
-- with something to take. Of such a room everything up to `cursor` is done, whatever the destination's own cursor says.
-- Room 0 is a replay: of all rooms, up to `until`, under an epoch of its own.
create table lanes (
    destination bigint not null,
    room bigint not null,
    epoch text,
    cursor bigint not null,
    until bigint,
    -- the transaction under this serial while it is unanswered, as in `cursors`
    flight bigint not null,
    in_flight text,
    -- of its first entry, when that failed alone
    attempts bigint not null,
    reason text not null,
    since bigint not null,
    primary key (destination, room)
) /* clustered */;

-- Exceptions are pending, split or late from here on: what waited behind another of its room is its lane now.
insert into lanes (destination, room, cursor, flight, attempts, reason, since)
select destination, room, min(position) - 1, 0, 0, '', 0 from exceptions
where kind = 'held' or (kind = 'split' and attempts > 0)
group by destination, room;
delete from exceptions where kind = 'held' or (kind = 'split' and attempts > 0);
update exceptions set kind = 'late' where kind = 'split';
