//! Rooms' timelines as one user sees them: windows, pages, the state at an event, and events in the client format.

mod context;
mod event;
mod filter;
mod item;
mod members;
mod page;
mod render;
mod sight;
mod state_at;
mod token;

pub use context::Context;
pub use event::EventError;
pub(crate) use filter::glob;
pub use filter::{matches, matches_pdu};
pub use item::Item;
pub use page::{Page, PageRequest};
pub(crate) use render::json_error;
pub use render::{Form, Viewer, client_state, stripped};
pub use sight::Sight;
pub use state_at::StateView;
pub use token::{Token, TokenError};

use causeway_store::Store;

use crate::rooms::Rooms;

#[derive(Clone)]
pub struct Timelines {
    store: Store,
    rooms: Rooms,
}

impl Timelines {
    pub fn new(store: Store, rooms: Rooms) -> Self {
        Self { store, rooms }
    }

    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    pub fn store(&self) -> &Store {
        &self.store
    }
}
