//! How one life of the hub ends.

use causeway_fault::Point;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// once there is traffic
    Kill,
    /// perhaps before it is up
    KillEarly,
    /// at the n-th passing of a point
    Fault(Point, u32),
}

impl Ending {
    pub fn random(random: &mut StdRng) -> Self {
        match random.random_range(0..10) {
            0..3 => Self::Kill,
            3 => Self::KillEarly,
            _ => {
                let point = *Point::ALL.choose(random).expect("there are points");
                // Groups come with every message; a lane's inbox is filed for the first line of a life and little else.
                let most = match point {
                    Point::InboxFiled => 4,
                    Point::FramesWritten | Point::SettledUntold => 40,
                    _ => 150,
                };
                Self::Fault(point, random.random_range(1..=most))
            }
        }
    }
}
