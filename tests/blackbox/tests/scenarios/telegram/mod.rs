//! Telegram's Bot API: its emulator under real client libraries, and the bridge on the emulator.

mod judges;
