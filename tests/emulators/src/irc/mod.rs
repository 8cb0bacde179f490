//! IRC servers on loopback: the real ones that Debian has, and a small one of our own for the demo and for what the
//! real ones lack.

mod atheme;
mod inspircd;
mod ircv3;
mod ngircd;
mod process;
mod small;

pub use atheme::Atheme;
pub use inspircd::{InspIrcd, Options};
pub use ircv3::{Features, Ircv3, Spoken};
pub use ngircd::NgIrcd;
pub use small::SmallIrcd;
