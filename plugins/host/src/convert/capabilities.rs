use super::{Convert, engine, enums, guest, records, wit};
use wit::capabilities;

enums! {
    guest::Health => engine::Health { Ok, Degraded, Failing }
    capabilities::Level => engine::Level { Rejected, Dropped, Partial, Full }
}

records! {
    capabilities::FileCap => engine::FileFeatures { kind, mimes, max_bytes, caption, max_duration_ms }
    capabilities::RoomFeatures => engine::RoomFeatures {
        id, max_text_length, formatting, files, reply, thread, edit, delete, reaction, poll, location, edit_max_age_ms,
        delete_max_age_ms, reactions_per_user, allowed_reactions, read_receipts, typing, room_name, room_topic,
        room_avatar, invite, kick, ban, disappearing, per_message_profile_relay,
    }
    guest::Descriptor => engine::Descriptor {
        protocol, name, url, icon, features, flows, config_schema, state_version,
    }
    guest::Resolved => engine::Resolved { ghost, chat, info }
}

impl Convert<engine::NetworkFeatures> for capabilities::NetworkFeatures {
    fn convert(self) -> engine::NetworkFeatures {
        engine::NetworkFeatures {
            backfill: self.contains(Self::BACKFILL),
            search: self.contains(Self::SEARCH),
            contacts: self.contains(Self::CONTACTS),
            create_dm: self.contains(Self::CREATE_DM),
            create_group: self.contains(Self::CREATE_GROUP),
            relay: self.contains(Self::RELAY),
            multi_login: self.contains(Self::MULTI_LOGIN),
            disappearing: self.contains(Self::DISAPPEARING),
            catch_up: self.contains(Self::CATCH_UP),
            implicit_read_receipts: self.contains(Self::IMPLICIT_READ_RECEIPTS),
        }
    }
}
