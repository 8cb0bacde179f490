-- Words of messages, names and topics, by the event's nid; how far the log was read for it.

create table search_tsv (
    event bigint primary key,
    key text not null,
    words tsvector not null
);
create index search_words on search_tsv using gin (words);

create table search_reached (
    id bigint primary key,
    position bigint not null
);
insert into search_reached (id, position) values (1, 0);
