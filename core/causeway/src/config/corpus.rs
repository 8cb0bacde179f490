//! Configurations as Synapse and its admins write them, and mutations of them: what Synapse takes has no mistakes here,
//! what has no effect is a warning that says so, and what is broken is named with its line and the mend.

use std::fs;
use std::process::Command;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::mistake::Place;
use super::*;

const MUTATIONS: usize = 200;

fn corpus() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/corpus");
    let files = fs::read_dir(folder).expect("the corpus").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.clone(), fs::read_to_string(&path).expect("a text")))
        .collect();
    files.sort();
    assert!(files.len() >= 6, "{} files", files.len());
    files
}

fn read(path: &Path, text: &str) -> Result<Loaded, Mistakes> {
    parse(path, text, std::iter::empty())
}

fn line(mistake: &Mistake) -> usize {
    match mistake.place {
        Place::File { line: Some(line), .. } => line,
        _ => panic!("without a line: {mistake}"),
    }
}

/// Every warning stands at a line that has its key, and says that something is not done.
fn check_warnings(path: &Path, text: &str, loaded: &Loaded) {
    for warning in &loaded.warnings {
        let said = warning.text.as_str();
        let (key, _) = said.split_once(':').expect("a key");
        let key = key.rsplit('.').next().expect("a key");
        let there = text.lines().nth(line(warning) - 1).unwrap_or_default();
        assert!(there.contains(key) || said.contains("bind_addresses"), "{}: {warning}: {there:?}", path.display());
        let words = ["ignored", "no meaning", "not opened", "is not given"];
        assert!(words.iter().any(|word| said.contains(word)), "{}: {warning}", path.display());
    }
}

#[test]
fn what_synapse_takes_has_no_mistakes() {
    for (path, text) in corpus() {
        let loaded = read(&path, &text).unwrap_or_else(|mistakes| panic!("{}: {mistakes}", path.display()));
        check_warnings(&path, &text, &loaded);
    }
}

#[test]
fn what_synapse_generates_has_no_mistakes() {
    let python = std::env::var_os("CAUSEWAY_SYNAPSE_PYTHON")
        .expect("CAUSEWAY_SYNAPSE_PYTHON is not set; run the tests with `cargo xtask test`");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("homeserver.yaml");
    let output = Command::new(python)
        .current_dir(folder.path())
        .args(["-m", "synapse.app.homeserver", "--server-name", "example.org", "--report-stats", "no"])
        .args(["--generate-config", "--config-path", "homeserver.yaml"])
        .output()
        .expect("starting Synapse");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&path).expect("the generated config");
    let loaded = read(&path, &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    check_warnings(&path, &text, &loaded);
    assert!(loaded.config.registration_shared_secret.is_some());
    // The key that Synapse made is this server's key.
    assert_eq!(files::check(&loaded.config), []);
    assert!(loaded.config.signing_key_path.exists());
}

#[test]
fn what_is_broken_is_named_with_line_and_mend() {
    let corpus = corpus();
    let mut random = StdRng::seed_from_u64(4);
    let mut done = 0;
    while done < MUTATIONS {
        let (path, text) = corpus.choose(&mut random).expect("a file");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let Some((mutated, at, word)) = mutation(&mut random, lines) else { continue };
        let Err(mistakes) = read(path, &mutated) else { panic!("{}: taken:\n{mutated}", path.display()) };
        for mistake in &mistakes.0 {
            line(mistake);
            let mends = [";", "must be", "did you mean", "needs"];
            assert!(mends.iter().any(|word| mistake.text.contains(word)), "without a mend: {mistake}");
        }
        let found = mistakes.0.iter().any(|mistake| line(mistake) == at && mistake.text.contains(word));
        assert!(found, "{}: not at line {at} with {word:?}: {mistakes}\n{mutated}", path.display());
        done += 1;
    }
}

/// What is set to what, and a word of what is said.
const WRONG: [(&str, &str, &str); 16] = [
    ("server_name", "https://example.org", "host name"),
    ("server_name", "[example.org]", "must be text"),
    ("max_upload_size", "big", "must be a size"),
    ("enable_registration", "maybe", "must be true or false"),
    ("enable_metrics", "[yes]", "must be true or false"),
    ("serve_server_wellknown", "2", "must be true or false"),
    ("listeners", "8008", "must be a list"),
    ("database", "sqlite3", "must be a mapping"),
    ("public_baseurl", "matrix.example.org", "write https://"),
    ("rc_message", "10", "must be a mapping"),
    ("rc_message", "{per_second: quickly}", "must be a number"),
    ("rc_joins", "{local: {burst_count: -1}}", "must be a number"),
    ("app_service_config_files", "{a: b}", "must be a list"),
    ("default_room_version", "\"99\"", "use \"1\" to \"12\""),
    ("password_config", "on", "must be a mapping"),
    ("presence", "{enabled: sometimes}", "must be true or false"),
];

/// A broken file, the line of the mistake and a word of it; none where the file has nothing to break in this way.
fn mutation(random: &mut StdRng, mut lines: Vec<String>) -> Option<(String, usize, &'static str)> {
    let top = |line: &String| line.starts_with(|first: char| first.is_ascii_lowercase()) && line.contains(':');
    let tops: Vec<usize> = (0..lines.len()).filter(|number| top(&lines[*number])).collect();
    let number = *tops.choose(random)?;
    let key = lines[number].split(':').next()?.to_owned();
    let (at, word) = match random.random_range(0..6) {
        0 if key.len() >= 8 => {
            let place = random.random_range(1..key.len() - 1);
            lines[number].remove(place);
            (number, "did you mean")
        }
        1 => {
            lines.push(format!("{key}: again"));
            (lines.len() - 1, "stands twice; remove")
        }
        2 => {
            let inner: Vec<_> = (0..lines.len()).filter(|number| lines[*number].starts_with("  ")).collect();
            let number = *inner.choose(random)?;
            lines[number] = format!("\t{}", lines[number].trim_start());
            (number, "spaces, not with tabs")
        }
        3 => {
            let listeners = lines.iter().position(|line| line == "listeners:")?;
            let is_port = |line: &String| line.trim_start_matches([' ', '-']).starts_with("port: ");
            let number = listeners + lines[listeners..].iter().position(is_port)?;
            let end = lines[number].find("port: ").expect("it has one");
            lines[number].replace_range(end.., "port: 99999");
            (number, "between")
        }
        _ => {
            let (key, value, word) = WRONG.choose(random)?;
            // What stands below it goes, so that this is the only mistake.
            if let Some(first) = lines.iter().position(|line| line.split(':').next() == Some(key)) {
                let below = |line: &&String| line.is_empty() || line.starts_with([' ', '-', '#']);
                let count = lines[first + 1..].iter().take_while(below).count();
                lines.drain(first..=first + count);
            }
            lines.push(format!("{key}: {value}"));
            (lines.len() - 1, *word)
        }
    };
    Some((lines.join("\n") + "\n", at + 1, word))
}
