-- Words of messages, names and topics, by the event's nid; how far the log was read for it.

create virtual table search_fts using fts5(body, key unindexed, tokenize = 'unicode61 remove_diacritics 2');

create table search_reached (
    id bigint primary key,
    position bigint not null
);
insert into search_reached (id, position) values (1, 0);
