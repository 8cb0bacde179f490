//! Registrations of application services: the file, its namespaces and tokens, and what two of them may not share.
//! Pure: no I/O, no clock.

mod check;
mod conflict;
mod lines;
mod model;
mod namespace;
mod overlap;
mod pattern;
mod token;

pub use check::{Mistake, Mistakes};
pub use conflict::{Conflict, Overlap, conflicts, overlaps};
pub use lines::Lines;
pub use model::{Plugin, Registration};
pub use namespace::{Kind, Namespace, NamespaceSet, Namespaces};
pub use pattern::PatternError;
pub use token::Token;
