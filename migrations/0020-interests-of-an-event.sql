-- Who still has to take an event that is to be purged: interest_members_of.

create index interest_members_of on interest_members (interest);
