//! Formatting, both ways: mIRC control codes and the HTML of Matrix.

mod colors;
mod from_html;
mod style;
mod to_html;

pub use from_html::from_html;
pub use style::{active_at_end, plain};
pub use to_html::to_html;
