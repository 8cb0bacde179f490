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
    let mut config = match settings {
        Some(path) => {
            let name = path.display();
            let content = std::fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
            serde_yaml::from_str::<Value>(&content).with_context(|| format!("{name} is no YAML"))?
        }
        None => json!({}),
    };
    if config.is_null() {
        config = json!({});
    }
    if !yes {
        let wanted = json!({ "plugin": plugin, "config": config });
        let found = client.post("/_causeway/admin/v1/plugins/find", &wanted).await?;
        show(&found, &config);
        confirm()?;
    }
    client.post(BASE, &json!({"plugin": plugin, "id": id, "config": config})).await
}

fn show(plugin: &Value, config: &Value) {
    eprintln!("{} {} ({})", text(&plugin["name"]), text(&plugin["version"]), text(&plugin["id"]));
    eprintln!("sha256 {}", text(&plugin["sha256"]));
    eprintln!("it asks for:");
    for (right, wanted) in plugin["requests"].as_object().into_iter().flatten() {
        match wanted {
            Value::Array(list) if list.is_empty() => {}
            Value::Array(list) => list.iter().for_each(|one| eprintln!("  {right}: {}", text(one))),
            Value::Bool(false) => {}
            other => eprintln!("  {right}: {other}"),
        }
    }
    if config["allow_private_networks"] == true {
        eprintln!("  private_networks: yes, by its config");
    }
    for warning in plugin["warnings"].as_array().into_iter().flatten() {
        eprintln!("warning: {}", text(warning));
    }
}

fn confirm() -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is here to confirm these rights; add --yes");
    }
    eprint!("grant this? [y/N] ");
    std::io::stderr().flush().context("writing to the terminal")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("reading the answer")?;
    if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        bail!("not installed");
    }
    Ok(())
}
