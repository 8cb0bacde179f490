//! The layers of the design, held by a test: an arrow between crates may only point down.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::process;

    /// From top to bottom; crates of one row don't know each other. The lists name what a crate may depend on besides
    /// the rows further down.
    const ROWS: &[&[&str]] = &[
        &["causeway", "xtask", "causeway-bench"],
        &["causeway-blackbox"],
        &["causeway-emulators"],
        &["causeway-api", "causeway-host", "causeway-federation"],
        &["causeway-engine", "causeway-bindings"],
        &["causeway-hub"],
        &["causeway-router"],
        &["causeway-registration", "causeway-room", "causeway-store"],
        &["causeway-fault"],
    ];
    /// Guests see nothing of the above.
    const GUESTS: &[&str] = &[
        "causeway-discord",
        "causeway-hostile",
        "causeway-irc",
        "causeway-sdk",
        "causeway-table-bomb",
        "causeway-telegram",
    ];

    fn edges() -> Vec<(String, String)> {
        let text =
            process::output(process::cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))
                .expect("cargo metadata");
        let metadata: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let mut edges = Vec::new();
        for package in metadata["packages"].as_array().expect("packages") {
            for dependency in package["dependencies"].as_array().expect("dependencies") {
                let (from, to) =
                    (package["name"].as_str().expect("a name"), dependency["name"].as_str().expect("a name"));
                if dependency["kind"] != "dev" && to.starts_with("causeway") {
                    edges.push((from.to_owned(), to.to_owned()));
                }
            }
        }
        edges
    }

    #[test]
    fn no_edge_points_up() {
        let row: BTreeMap<&str, usize> =
            ROWS.iter().enumerate().flat_map(|(row, names)| names.iter().map(move |name| (*name, row))).collect();
        let wrong: Vec<_> = edges()
            .into_iter()
            .filter(|(from, to)| match (row.get(from.as_str()), row.get(to.as_str())) {
                (Some(above), Some(below)) => above >= below,
                // A guest knows guests only, and nobody above links a guest.
                _ => !(GUESTS.contains(&from.as_str()) && GUESTS.contains(&to.as_str())),
            })
            .collect();
        assert!(wrong.is_empty(), "these edges point up, or at an unknown crate: {wrong:?}");
    }

    #[test]
    fn the_kernel_depends_on_none_of_ours_and_on_no_io() {
        let text =
            process::output(process::cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))
                .expect("cargo metadata");
        let metadata: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let kernel = metadata["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .find(|package| package["name"] == "causeway-room")
            .expect("the kernel");
        for dependency in kernel["dependencies"].as_array().expect("dependencies") {
            let name = dependency["name"].as_str().expect("a name");
            assert!(
                dependency["kind"] == "dev"
                    || !(name.starts_with("causeway") || ["tokio", "sqlx", "reqwest", "rand"].contains(&name)),
                "the kernel depends on {name}"
            );
        }
    }
}
