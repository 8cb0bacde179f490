//! The connector against real servers: InspIRCd, which has most of IRCv3, and ngIRCd, which has none of it.
#![allow(clippy::expect_used, reason = "tests")]

mod delivery;
mod features;
mod life;
mod login;
mod talk;
