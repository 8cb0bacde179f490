-- How far a pusher has come in the log, and which device it was set by: it goes with that.

alter table pushers add column position bigint not null default 0;
alter table pushers add column device_id text not null default '';
