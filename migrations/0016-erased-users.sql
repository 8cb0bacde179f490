-- Deactivated users who want their words to be shown to nobody who did not have them already.

create table erased_users (
    user_id text not null primary key
) /* clustered */;
