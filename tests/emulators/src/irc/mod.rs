//! IRC servers on loopback: the real ones that Debian has, and a small one of our own for the demo and for what the
//! real ones lack.

mod atheme;
mod inspircd;
mod ngircd;
mod process;

pub use atheme::Atheme;
pub use inspircd::{InspIrcd, Options};
pub use ngircd::NgIrcd;
