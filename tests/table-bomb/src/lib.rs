//! A connector whose function table has nine million elements. For the tests of the plugin host, which does not make
//! such a table: none of this ever runs.

use causeway_sdk::capabilities::RoomFeatures;
use causeway_sdk::{Connector, Descriptor, Error, Init, MatrixEvent, Outcome, PortalKey};

pub struct TableBomb;

impl Connector for TableBomb {
    fn describe() -> Descriptor {
        unreachable!("no host makes the table")
    }

    fn start(_init: Init) -> Result<Self, Error> {
        Ok(Self)
    }

    fn handle_matrix(&mut self, events: Vec<MatrixEvent>) -> Vec<Outcome> {
        events.iter().map(|_| Outcome::Done).collect()
    }

    fn get_room_features(&mut self, _login: String, _portal: PortalKey) -> RoomFeatures {
        unreachable!("no host makes the table")
    }
}

causeway_sdk::export!(TableBomb);
