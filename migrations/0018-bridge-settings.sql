-- What the engine itself takes from a bridge's config: which notices and events about messages and logins it sends.

alter table bridges add column settings text not null default '{}';
