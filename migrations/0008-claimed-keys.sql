-- A claimed one-time key stays known, so that an upload that is repeated does not bring it back.

alter table one_time_keys add column claimed bigint not null default 0;
