-- Dehydrated devices (MSC3814): at most one of each user's devices.

create table dehydrated_devices (
    user_id text not null primary key,
    device_id text not null,
    -- JSON
    device_data text not null
) /* clustered */;
