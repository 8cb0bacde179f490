use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::{BASE, Client, table, text};

/// Goes through the steps until the login is there; answers what the last step says of it.
pub async fn run(
    client: &Client,
    id: &str,
    user: Option<&str>,
    flow: Option<&str>,
    set: &[String],
) -> anyhow::Result<Value> {
    let given = set
        .iter()
        .map(|pair| pair.split_once('=').with_context(|| format!("--set {pair:?} has no `=`; write FIELD=VALUE")))
        .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let start = json!({"user": user, "flow": flow});
    let mut at = client.post(&table::path(BASE, &[id, "logins"])?, &start).await?;
    let process = at["process"].as_str().context("the hub names no login process")?.to_owned();
    let path = table::path(BASE, &[id, "processes", &process])?;
    let mut shown = Value::Null;
    loop {
        let step = at["step"].clone();
        let (kind, action) = step["action"]
            .as_object()
            .and_then(|action| action.iter().next())
            .map(|(kind, action)| (kind.clone(), action.clone()))
            .context("the hub answered no step")?;
        if step != shown && !text(&step["instructions"]).is_empty() && given.is_empty() {
            eprintln!("{}", text(&step["instructions"]));
        }
        at = match kind.as_str() {
            "complete" => return Ok(action),
            "user-input" => {
                let mut fields = Map::new();
                for field in action.as_array().into_iter().flatten() {
                    let name = text(&field["id"]);
                    let value = match (given.get(name.as_str()), given.is_empty()) {
                        (Some(value), _) => (*value).to_owned(),
                        (None, true) => ask(field)?,
                        (None, false) => match field["default_value"].as_str() {
                            Some(default) => default.to_owned(),
                            None => bail!("the field {name} is missing; add --set {name}=…"),
                        },
                    };
                    fields.insert(name, value.into());
                }
                client.post(&path, &json!({ "fields": fields })).await?
            }
            "display-and-wait" => {
                if step != shown {
                    eprintln!("{}", text(&action["data"]));
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                client.get(&path).await?
            }
            other => bail!("the way {other:?} to log in needs a browser: use the hub's page /_causeway/bridges/"),
        };
        shown = step;
    }
}

fn ask(field: &Value) -> anyhow::Result<String> {
    let default = field["default_value"].as_str();
    let hint = default.filter(|default| !default.is_empty()).map(|default| format!(" [{default}]")).unwrap_or_default();
    let description = text(&field["description"]);
    let description = if description.is_empty() { description } else { format!(" ({description})") };
    eprint!("{}{description}{hint}: ", text(&field["name"]));
    std::io::stderr().flush().context("writing to the terminal")?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).context("reading the answer")? == 0 {
        bail!("nobody is here to answer; use --set {}=…", text(&field["id"]));
    }
    let line = line.trim_end_matches(['\r', '\n']);
    Ok(match default {
        Some(default) if line.is_empty() => default.to_owned(),
        _ => line.to_owned(),
    })
}
