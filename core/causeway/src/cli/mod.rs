//! The command line: one file per command, all with the same exit codes (0 done, 1 refused or failed, 2 wrong usage).

mod backup;
mod bridge;
mod check_config;
pub mod client;
mod doctor;
mod generate_config;
mod queue;
mod register_user;
mod registration;
mod restore;
mod room;
mod table;
mod user;

use clap::{Parser, Subcommand};

/// A Matrix homeserver whose bridges are sandboxed plugins
#[derive(Parser)]
#[command(name = "causeway", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Backup(backup::Arguments),
    Bridge(bridge::Arguments),
    GenerateConfig(generate_config::Arguments),
    CheckConfig(check_config::Arguments),
    Doctor(doctor::Arguments),
    Queue(queue::Arguments),
    RegisterUser(register_user::Arguments),
    Registration(registration::Arguments),
    Restore(restore::Arguments),
    /// Rooms: what they keep
    ///
    /// Example: causeway room purge-history '!abc:example.org' --older-than 90d
    Room(client::OnHub<room::Command>),
    Serve(crate::serve::Arguments),
    /// Accounts: made, changed and ended while the hub runs
    ///
    /// Example: causeway user create alice
    User(client::OnHub<user::Command>),
}

pub async fn run() -> anyhow::Result<()> {
    let called_as = std::env::args_os().next().unwrap_or_default();
    if std::path::Path::new(&called_as).file_name().is_some_and(|name| name == "register_new_matrix_user") {
        return register_user::run(register_user::Arguments::parse()).await;
    }
    match Arguments::parse().command {
        Command::Backup(arguments) => backup::run(arguments).await,
        Command::Bridge(arguments) => bridge::run(arguments).await,
        Command::GenerateConfig(arguments) => generate_config::run(arguments),
        Command::CheckConfig(arguments) => check_config::run(arguments),
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Queue(arguments) => queue::run(arguments).await,
        Command::RegisterUser(arguments) => register_user::run(arguments).await,
        Command::Registration(arguments) => registration::run(arguments).await,
        Command::Restore(arguments) => restore::run(arguments).await,
        Command::Room(arguments) => room::run(arguments).await,
        Command::Serve(arguments) => crate::serve::run(arguments).await,
        Command::User(arguments) => user::run(arguments).await,
    }
}
