//! `causeway user`: accounts, on the running hub.

use anyhow::{Context, bail};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, OnHub, Target};
use super::register_user::ask_password;
use super::table::{self, at, text};
use crate::config;

#[derive(Subcommand)]
pub enum Command {
    /// All accounts
    List {
        /// deactivated ones too
        #[arg(long)]
        deactivated: bool,
        /// those whose user id has this in it
        part: Option<String>,
    },
    /// One account
    Show { user: String },
    /// Make an account
    Create {
        user: String,
        /// asked for when absent
        #[arg(short, long)]
        password: Option<String>,
        #[arg(short, long)]
        admin: bool,
    },
    /// End an account for good: it leaves all rooms, and its name stays taken
    Deactivate {
        user: String,
        /// forget the profile too
        #[arg(long)]
        erase: bool,
    },
    /// Give an account a new password and log it out everywhere
    ResetPassword {
        user: String,
        /// asked for when absent
        #[arg(short, long)]
        password: Option<String>,
        /// devices stay logged in
        #[arg(long)]
        keep_devices: bool,
    },
    /// Make an account an admin, or no longer one
    MakeAdmin {
        user: String,
        #[arg(long)]
        revoke: bool,
    },
}

const USERS: &str = "/_synapse/admin/v2/users";

pub async fn run(OnHub { command, target }: OnHub<Command>) -> anyhow::Result<()> {
    let client = Client::new(&target)?;
    let full = |user: &str| user_id(user, &target);
    let answer = match &command {
        Command::List { deactivated, part } => all(&client, *deactivated, part.as_deref()).await?,
        Command::Show { user } => client.get(&table::path(USERS, &[&full(user)?])?).await?,
        Command::Create { user, password, admin } => {
            let path = table::path(USERS, &[&full(user)?])?;
            // PUT would change an account that is there.
            if client.get(&path).await.is_ok() {
                bail!("{} exists; `causeway user reset-password` and `make-admin` change it", full(user)?);
            }
            let body = json!({ "password": given_or_asked(password.as_deref())?, "admin": admin });
            client.request(Method::PUT, &path, Some(&body)).await?
        }
        Command::Deactivate { user, erase } => {
            let path = table::path("/_synapse/admin/v1/deactivate", &[&full(user)?])?;
            client.post(&path, &json!({ "erase": erase })).await?
        }
        Command::ResetPassword { user, password, keep_devices } => {
            let path = table::path("/_synapse/admin/v1/reset_password", &[&full(user)?])?;
            let password = given_or_asked(password.as_deref())?;
            client.post(&path, &json!({ "new_password": password, "logout_devices": !keep_devices })).await?
        }
        Command::MakeAdmin { user, revoke } => {
            let path = table::path("/_synapse/admin/v1/users", &[&full(user)?, "admin"])?;
            client.request(Method::PUT, &path, Some(&json!({ "admin": !revoke }))).await?
        }
    };
    if target.json {
        println!("{answer:#}");
        return Ok(());
    }
    match command {
        Command::List { .. } => list(&answer),
        Command::Show { .. } => show(&answer),
        Command::Create { .. } => println!("{}", text(&answer["name"])),
        Command::Deactivate { user, .. } => println!("{} is deactivated and has left its rooms", full(&user)?),
        Command::ResetPassword { user, .. } => println!("{} has a new password", full(&user)?),
        Command::MakeAdmin { user, revoke: false } => println!("{} is an admin", full(&user)?),
        Command::MakeAdmin { user, revoke: true } => println!("{} is no admin", full(&user)?),
    }
    Ok(())
}

/// A user id, or the local part of one of the server in the config.
fn user_id(user: &str, target: &Target) -> anyhow::Result<String> {
    if user.starts_with('@') {
        return Ok(user.to_owned());
    }
    let loaded = config::load(&target.config)
        .with_context(|| format!("{user:?} is no user id; write @{user}:SERVER, or name the hub's config"))?;
    Ok(format!("@{user}:{}", loaded.config.server_name))
}

fn given_or_asked(password: Option<&str>) -> anyhow::Result<String> {
    password.map_or_else(ask_password, |password| Ok(password.to_owned()))
}

/// Page by page.
async fn all(client: &Client, deactivated: bool, part: Option<&str>) -> anyhow::Result<Value> {
    let mut users: Vec<Value> = Vec::new();
    loop {
        let from = users.len().to_string();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &from).append_pair("deactivated", &deactivated.to_string());
        query.append_pair("user_id", part.unwrap_or_default());
        let page = client.get(&format!("{USERS}?{}", query.finish())).await?;
        users.extend(page["users"].as_array().into_iter().flatten().cloned());
        if page["next_token"].is_null() {
            return Ok(json!({ "users": users, "total": page["total"] }));
        }
    }
}

fn list(answer: &Value) {
    let rows = answer["users"].as_array().into_iter().flatten().map(|user| {
        let marks = [("admin", "admin"), ("deactivated", "deactivated")];
        let marks: Vec<&str> = marks.iter().filter(|(key, _)| user[*key] == true).map(|(_, mark)| *mark).collect();
        let cells = [&user["name"], &user["displayname"], &user["appservice_id"]];
        cells.into_iter().map(text).chain([marks.join(", "), at(&user["creation_ts"])]).collect()
    });
    table::print(&["USER", "NAME", "APPSERVICE", "MARKS", "MADE"], rows);
}

fn show(user: &Value) {
    for key in ["name", "displayname", "avatar_url", "admin", "deactivated", "appservice_id"] {
        println!("{key}: {}", text(&user[key]));
    }
    println!("made: {}", at(&user["creation_ts"]));
}
