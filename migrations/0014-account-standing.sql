-- What an admin took from an account: everything, or the right to act.

alter table accounts add column locked bigint not null default 0;
alter table accounts add column suspended bigint not null default 0;
