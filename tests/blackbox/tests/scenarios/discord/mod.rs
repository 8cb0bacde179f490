//! Discord: its emulator under real client libraries.

mod judges;
