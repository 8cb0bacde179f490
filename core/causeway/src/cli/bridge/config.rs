use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::install::{confirm, grant, read_config};
use super::{BASE, Client, table, text};

/// What of a config is to be another.
#[derive(clap::Args)]
pub struct Change {
    /// YAML or JSON, in the place of the present config
    #[arg(long = "config", value_name = "FILE")]
    file: Option<PathBuf>,
    /// one key; its value is YAML, and a point leads into an object: flood.burst=3
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// back to the default
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// say what would change, and change nothing
    #[arg(long)]
    plan: bool,
    /// grant what the bridge may reach with it
    #[arg(long)]
    yes: bool,
}

/// Shows a bridge's config, or changes it.
pub async fn run(client: &Client, id: &str, change: &Change) -> anyhow::Result<Value> {
    let path = table::path(BASE, &[id, "config"])?;
    if change.file.is_none() && change.set.is_empty() && change.unset.is_empty() {
        return client.get(&path).await;
    }
    let mut body = change.body()?;
    body["plan"] = true.into();
    let planned = client.post(&path, &body).await?;
    if change.plan {
        return Ok(planned);
    }
    if planned["grant"].is_object() && !change.yes {
        eprintln!("with this config the bridge may reach something else:");
        grant(&planned["grant"]);
        confirm("not changed")?;
    }
    body["plan"] = false.into();
    client.post(&path, &body).await
}

pub fn print(id: &str, change: &Change, answer: &Value) -> anyhow::Result<()> {
    if answer["config"].is_object() {
        print!("{}", serde_yaml::to_string(&answer["config"]).context("writing the config")?);
        return Ok(());
    }
    let changed: Vec<String> = answer["changed"].as_array().into_iter().flatten().map(text).collect();
    let restarts = answer["restarts"] == true;
    match (changed.as_slice(), change.plan) {
        ([], _) => println!("{id}: nothing is another than before"),
        (_, true) => {
            println!("this changes {}{}", changed.join(", "), if restarts { "; its logins connect anew" } else { "" });
        }
        (_, false) => {
            println!("{id}: {} changed{}", changed.join(", "), if restarts { "; its logins connect anew" } else { "" });
        }
    }
    if change.plan && answer["grant"].is_object() {
        println!("it may reach then:");
        grant(&answer["grant"]);
    }
    Ok(())
}

impl Change {
    fn body(&self) -> anyhow::Result<Value> {
        let config = self.file.as_deref().map(|file: &Path| read_config(file)).transpose()?;
        let mut set = Value::Object(Map::new());
        for one in &self.set {
            let (key, value) = one.split_once('=').with_context(|| format!("{one}: give KEY=VALUE"))?;
            let value: Value = serde_yaml::from_str(value).with_context(|| format!("{one} is no YAML"))?;
            *place(&mut set, key) = value;
        }
        for key in &self.unset {
            *place(&mut set, key) = Value::Null;
        }
        Ok(json!({"config": config, "set": set}))
    }
}

/// Where `a.b` stands.
fn place<'a>(object: &'a mut Value, key: &str) -> &'a mut Value {
    key.split('.').fold(object, |at, part| {
        if !at.is_object() {
            *at = json!({});
        }
        &mut at[part]
    })
}
