//! Synapse's own modules judge what the kernel makes: `tests/judges/synapse_kernel.py` on small rooms.
//! `cargo xtask soak kernel` does the same with 5,000 events a room.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The example is built with the tests of this crate, into the folder beside theirs.
fn generator() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.ancestors().nth(2).expect("the test is in a folder of the build's folder");
    let generator = folder.join("examples/generate_room");
    assert!(generator.is_file(), "{} is not built; run `cargo xtask test -p causeway-room`", generator.display());
    generator
}

fn judge(seed: u32) {
    let python = std::env::var_os("CAUSEWAY_SYNAPSE_PYTHON")
        .expect("CAUSEWAY_SYNAPSE_PYTHON is not set; run the tests with `cargo xtask test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/synapse_kernel.py");
    let output = Command::new(python)
        .arg(script)
        .arg(generator())
        .args(["--events", "300", "--mutants", "60", "--seed", &seed.to_string()])
        .output()
        .expect("starting the judge");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert_eq!(said.matches(": 0 disagreements").count(), 12, "a version is missing: {said}\n{complained}");
}

#[test]
fn synapse_agrees_about_every_event_of_the_first_rooms() {
    judge(1);
}

#[test]
fn synapse_agrees_about_every_event_of_the_second_rooms() {
    judge(2);
}
