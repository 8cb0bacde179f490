-- Images of previewed pages, which are removed again.

create table preview_media (
    media_id text not null primary key,
    created bigint not null
) /* clustered */;
create index preview_media_by_time on preview_media (created);
