//! The commented homeserver.yaml of `causeway generate-config`.

use std::path::Path;

use ruma::ServerName;

/// `shared_secret` lets `register-user` make accounts; `database` is a URL as in `database.url`.
pub fn generate(server_name: &ServerName, data_dir: &Path, database: Option<&str>, shared_secret: &str) -> String {
    let data = data_dir.display();
    let database = database.map_or_else(|| format!("sqlite://{data}/causeway.db"), str::to_owned);
    format!(
        r#"# Causeway's configuration. Keys have Synapse's names where the meaning is the same.
# `causeway check-config -c FILE` names every mistake with its line.

# The part behind the colon of every user id here. It can't be changed later.
server_name: "{server_name}"

# Where clients reach this server from outside, when that is not the listener below.
#public_baseurl: https://matrix.{server_name}/

listeners:
  - port: 8008
    type: http
    bind_addresses: ["127.0.0.1"]
    resources:
      - names: [client, federation]
#  - port: 9000
#    type: metrics
#    bind_addresses: ["127.0.0.1"]
#enable_metrics: true

# sqlite:///path or postgres://user:password@host/database
database:
  url: "{database}"

# Made on the first start. Whoever has it can speak for this server: keep it, back it up.
signing_key_path: "{data}/{server_name}.signing.key"
media_store_path: "{data}/media"
max_upload_size: 50M

# Accounts are made with `causeway register-user`; this secret is what allows it.
registration_shared_secret: "{shared_secret}"
enable_registration: false
#registration_requires_token: true

# With mail people can log in by their address and set a forgotten password anew.
#email:
#  smtp_host: mail.{server_name}
#  notif_from: "%(app)s <noreply@{server_name}>"

# Registration files of application services that run beside this server. More can be added while it runs:
# `causeway registration add FILE`.
app_service_config_files: []

# Rooms that people make, and rooms that an application service makes without naming a version
# (older bridge libraries fail in version 12 rooms).
default_room_version: "12"
appservice_default_room_version: "11"

causeway:
  # info, or with exceptions: info,causeway_router=debug; SIGHUP applies a change
  log: {{filter: "info,ruma_state_res=warn"}}
  # So often an event is tried alone that an application service refuses while it takes others; then it is a dead letter.
  #dead_letter_after: 5
  # How long an application service may take for a transaction; then it is tried again.
  #appservice_timeout: 60s
  admin_socket: "{data}/admin.sock"
  # Made on the first start: what bridges keep secret (sessions, passwords) is encrypted with it.
  secrets_key_path: "{data}/secrets.key"
  plugins:
    # compiled bridges are kept here
    cache: "{data}/plugins"
    # where else than beside the program bridges are looked for
    directories: []
"#
    )
}
