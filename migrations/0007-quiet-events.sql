-- Events of a batch whose sender wants nobody to be notified.

-- 1: counts as unread for nobody
alter table events add column quiet bigint not null default 0;
