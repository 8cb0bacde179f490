//! `causeway register-user`, also as `register_new_matrix_user`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::config;

/// Make an account on the running hub, with the shared secret of its config
///
/// Example: causeway register-user -c homeserver.yaml -u alice -a
#[derive(clap::Parser)]
pub struct Arguments {
    #[arg(short, long, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml")]
    config: PathBuf,
    /// Where the hub listens; taken from the config when absent
    url: Option<String>,
    /// The local part of the new user id
    #[arg(short, long)]
    user: String,
    /// Asked for when absent
    #[arg(short, long)]
    password: Option<String>,
    /// A file that holds the password
    #[arg(long, conflicts_with = "password")]
    password_file: Option<PathBuf>,
    #[arg(short, long)]
    admin: bool,
    #[arg(long, conflicts_with = "admin")]
    no_admin: bool,
    /// Done, not refused, when the user exists
    #[arg(long)]
    exists_ok: bool,
    /// The shared secret, instead of the config's
    #[arg(short = 'k', long, env = "CAUSEWAY_SHARED_SECRET", hide_env_values = true)]
    shared_secret: Option<String>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let loaded = match arguments.shared_secret.is_some() && arguments.url.is_some() {
        true => None,
        false => Some(config::load(&arguments.config)?.config),
    };
    let secret = arguments
        .shared_secret
        .or_else(|| Some(loaded.as_ref()?.registration_shared_secret.as_ref()?.0.clone()))
        .ok_or_else(|| {
            anyhow!(
                "{}: registration_shared_secret is missing; add one and restart the hub",
                arguments.config.display()
            )
        })?;
    let url = match (arguments.url, &loaded) {
        (Some(url), _) => url,
        (None, Some(config)) => {
            config.local_url().ok_or_else(|| anyhow!("no plain HTTP listener in the config; give the hub's URL"))?
        }
        (None, None) => unreachable!("the config is loaded when there is no URL"),
    };
    let password = match (arguments.password, &arguments.password_file) {
        (Some(password), _) => password,
        (None, Some(file)) => std::fs::read_to_string(file)
            .with_context(|| format!("reading {}", file.display()))?
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
        (None, None) => ask_password()?,
    };
    let endpoint = format!("{}/_synapse/admin/v1/register", url.trim_end_matches('/'));
    let http = reqwest::Client::builder().no_proxy().build()?;
    let nonce: Value = http
        .get(&endpoint)
        .send()
        .await
        .with_context(|| format!("no hub answers at {url}; start it with `causeway serve`"))?
        .json()
        .await
        .context("the answer is no JSON; is this the hub?")?;
    let nonce = nonce["nonce"]
        .as_str()
        .ok_or_else(|| anyhow!("the hub gave no nonce; has it a registration_shared_secret?"))?;
    let body = json!({
        "nonce": nonce,
        "username": arguments.user,
        "password": password,
        "admin": arguments.admin,
        "mac": mac(&secret, nonce, &arguments.user, &password, arguments.admin),
    });
    let response = http.post(&endpoint).json(&body).send().await.context("asking the hub")?;
    let status = response.status();
    let answer: Value = response.json().await.context("reading the hub's answer")?;
    match answer["errcode"].as_str() {
        None if status.is_success() => {
            println!("{}", answer["user_id"].as_str().unwrap_or_default());
            Ok(())
        }
        Some("M_USER_IN_USE") if arguments.exists_ok => {
            println!("{} exists", arguments.user);
            Ok(())
        }
        _ => bail!("{}", answer["error"].as_str().unwrap_or("the hub refused without a reason")),
    }
}

/// Synapse's admin API, "Shared-Secret Registration": HMAC-SHA1 over the fields, separated by NUL.
fn mac(secret: &str, nonce: &str, user: &str, password: &str, admin: bool) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    let admin = if admin { "admin" } else { "notadmin" };
    mac.update([nonce, user, password, admin].join("\0").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

pub fn ask_password() -> anyhow::Result<String> {
    eprint!("Password (shown as you type): ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("reading the password")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        bail!("a password is needed; type one or give -p");
    }
    Ok(password)
}
