//! Embeds `migrations/` into the crate: one constant list, in the order of the files' numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

#[derive(Default)]
struct Files {
    both: Option<PathBuf>,
    sqlite: Option<PathBuf>,
    postgres: Option<PathBuf>,
}

fn main() {
    let directory = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../migrations");
    let directory = directory.canonicalize().expect("the repository has a migrations folder");
    println!("cargo:rerun-if-changed={}", directory.display());

    let mut migrations: BTreeMap<String, Files> = BTreeMap::new();
    for file in fs::read_dir(&directory).expect("migrations can be listed") {
        let path = file.expect("migrations can be listed").path();
        let name = path.file_name().expect("a listed file has a name").to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".sql") else { continue };
        println!("cargo:rerun-if-changed={}", path.display());
        match (name.strip_suffix(".sqlite"), name.strip_suffix(".postgres")) {
            (Some(name), _) => migrations.entry(name.to_owned()).or_default().sqlite = Some(path),
            (_, Some(name)) => migrations.entry(name.to_owned()).or_default().postgres = Some(path),
            _ => migrations.entry(name.to_owned()).or_default().both = Some(path),
        }
    }

    let mut code = String::from("&[\n");
    let mut numbers = BTreeMap::new();
    for (name, files) in migrations {
        let number = name.split('-').next().and_then(|digits| digits.parse::<i64>().ok());
        let number = number.unwrap_or_else(|| panic!("migration {name}: its name must begin with NNNN-"));
        if let Some(other) = numbers.insert(number, name.clone()) {
            panic!("migrations {other} and {name} have the same number; give the newer one the next");
        }
        let text = |dialect: &Option<PathBuf>| {
            let path = dialect.as_ref().or(files.both.as_ref());
            let path = path.unwrap_or_else(|| panic!("migration {name}: the text for one of the databases is missing"));
            format!("include_str!({:?})", path.display().to_string())
        };
        let (sqlite, postgres) = (text(&files.sqlite), text(&files.postgres));
        writeln!(code, "Migration {{ number: {number}, name: {name:?}, sqlite: {sqlite}, postgres: {postgres} }},")
            .expect("writing to a string");
    }
    code.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("migrations.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
}
