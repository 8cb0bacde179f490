//! Discord: its emulator under a real client library.

mod judges;
