-- Who changed which registration, and where an appservice acts as somebody it did not make.

create table audit (
    number bigint not null primary key,
    -- milliseconds since the Unix epoch
    at bigint not null,
    -- an admin's user id, the local admin, a file, or a registration
    actor text not null,
    action text not null,
    registration text not null,
    -- what changed or was done, without secrets
    detail text not null
) /* clustered */;
create index audit_of_registration on audit (registration, number);
