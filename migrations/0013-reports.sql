-- What users report to those who run the server.

create table reports (
    id bigint not null primary key,
    -- event, room or user
    kind text not null,
    reporter text not null,
    room_id text,
    event_id text,
    -- who is reported, or who sent what is
    user_id text,
    reason text,
    score bigint,
    -- milliseconds since the Unix epoch
    received bigint not null
);
create index reports_by_kind on reports (kind, id);
