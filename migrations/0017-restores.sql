-- Restores from a backup. What was after `kept` is lost, and the numbers up to `until` are not given again.

create table restores (
    kept bigint not null primary key,
    until bigint not null
) /* clustered */;
