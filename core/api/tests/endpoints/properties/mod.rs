//! What must hold however people come, go, speak and look: scenes of random steps, judged by a simple model that is fed
//! with the whole timeline, as one sees it who was there all the time.

mod history_visibility;
mod scene;
mod sync;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Scenes of one run; `PROPTEST_CASES` asks for more.
const SCENES: u32 = 12;

/// Plays scenes of two fixed seeds, and tells the shortest one that fails.
fn play<S: Strategy>(scenes: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(SCENES);
    for seed in [1, 2] {
        let config = Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        if let Err(failure) = TestRunner::new_with_rng(config, rng).run(scenes, &check) {
            panic!("seed {seed}: {failure}");
        }
    }
}
