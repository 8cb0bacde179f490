-- Accounts without a password that may do little more than look around.

alter table accounts add column guest bigint not null default 0;
