use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{BASE, Client, text};

/// Shows what the plugin asks for, and installs it after a yes.
pub async fn run(
    client: &Client,
    name_or_wasm: &str,
    id: Option<&str>,
    settings: Option<&Path>,
    yes: bool,
) -> anyhow::Result<Value> {
    let plugin = match Path::new(name_or_wasm).exists() {
        // The hub may stand in another folder.
        true => Path::new(name_or_wasm).canonicalize().context("the plugin's path")?.display().to_string(),
        false => name_or_wasm.to_owned(),
    };
    let config = settings.map_or_else(|| Ok(json!({})), read_config)?;
    if !yes {
        let wanted = json!({ "plugin": plugin, "config": config });
        let found = client.post("/_causeway/admin/v1/plugins/find", &wanted).await?;
        show(&found, &config);
        confirm("not installed")?;
    }
    client.post(BASE, &json!({"plugin": plugin, "id": id, "config": config})).await
}

/// A bridge's config as its file has it.
pub(super) fn read_config(path: &Path) -> anyhow::Result<Value> {
    let name = path.display();
    let content = std::fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    let config: Value = serde_yaml::from_str(&content).with_context(|| format!("{name} is no YAML"))?;
    Ok(if config.is_null() { json!({}) } else { config })
}

fn show(plugin: &Value, config: &Value) {
    eprintln!("{} {} ({})", text(&plugin["name"]), text(&plugin["version"]), text(&plugin["id"]));
    eprintln!("sha256 {}", text(&plugin["sha256"]));
    eprintln!("it asks for:");
    grant(&plugin["requests"]);
    if config["allow_private_networks"] == true {
        eprintln!("  private_networks: yes, by its config");
    }
    for warning in plugin["warnings"].as_array().into_iter().flatten() {
        eprintln!("warning: {}", text(warning));
    }
}

pub(super) fn grant(grant: &Value) {
    for (right, wanted) in grant.as_object().into_iter().flatten() {
        match wanted {
            Value::Array(list) if list.is_empty() => {}
            Value::Array(list) => list.iter().for_each(|one| eprintln!("  {right}: {}", text(one))),
            Value::Bool(false) => {}
            other => eprintln!("  {right}: {other}"),
        }
    }
}

/// `refused`: what a no means.
pub(super) fn confirm(refused: &'static str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is here to confirm these rights; add --yes");
    }
    eprint!("grant this? [y/N] ");
    std::io::stderr().flush().context("writing to the terminal")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("reading the answer")?;
    if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        bail!(refused);
    }
    Ok(())
}
