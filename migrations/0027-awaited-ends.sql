-- Events whose sender was told that they wait, or has asked for another try: of their end the sender is told in any case.

create table bridge_awaited_ends (
    bridge text not null,
    login text not null,
    event_id text not null,
    primary key (bridge, login, event_id)
) /* clustered */;
