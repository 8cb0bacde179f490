//! Stock clients hold a conversation with people on a real IRC network, through the WASM bridge and through heisenbridge:
//! over TLS, with an account of the network's services.

use anyhow::{Context, Result};
use causeway_blackbox::{Hub, HubOptions, Program, free_port, node_script, python_script, scenario};
use causeway_emulators::irc::{Atheme, InspIrcd, Options};
use serde_json::{Value, json};

const ACCOUNT: &str = "alicem";
const PASSWORD: &str = "open-sesame";

/// InspIRCd with a TLS listener, Atheme beside it, and one registered account.
struct Network {
    server: InspIrcd,
    _services: Atheme,
    /// PEM: who signed the server's certificate is itself
    certificate: String,
}

impl Network {
    fn start() -> Result<Self> {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let key = rcgen::generate_simple_self_signed(names).context("making a certificate")?;
        let certificate = key.cert.pem();
        let tls = Some((certificate.clone(), key.signing_key.serialize_pem()));
        let server = InspIrcd::start_with(Options { tls, services: true, is_plain: false })?;
        let services = Atheme::start(&server)?;
        services.register(&server, ACCOUNT, PASSWORD)?;
        Ok(Self { server, _services: services, certificate })
    }
}

/// A hub with alice on it, and what a client's script is told.
async fn hub_for(network: &Network) -> Result<(Hub, Value)> {
    let hub = Hub::start(HubOptions::default()).await?;
    hub.command(&["register-user", "-u", "alice", "-p", "secret"]).await?;
    let arguments = json!({
        "url": hub.url(), "user": "alice", "password": "secret", "bot": format!("@ircbot:{}", Hub::SERVER_NAME),
        "irc_port": network.server.port, "irc_tls_port": network.server.tls_port,
        "account": ACCOUNT, "account_password": PASSWORD,
    });
    Ok((hub, arguments))
}

/// The same with the bundled bridge to the network.
async fn bridged(network: &Network) -> Result<(Hub, Value)> {
    let (hub, arguments) = hub_for(network).await?;
    let ca_file = hub.folder().join("irc-ca.pem");
    std::fs::write(&ca_file, &network.certificate).context("writing the network's authority")?;
    let config = json!({"server": "127.0.0.1", "port": network.server.tls_port, "tls": true, "ca_file": ca_file});
    hub.install_irc_with("irc", config).await?;
    Ok((hub, arguments))
}

#[test]
fn matrix_nio_talks_with_irc_through_the_bridge() -> Result<()> {
    scenario(async {
        let network = Network::start()?;
        let (_hub, arguments) = bridged(&network).await?;
        python_script("nio_irc.py", &arguments).await
    })
}

#[test]
fn matrix_js_sdk_talks_with_irc_through_the_bridge() -> Result<()> {
    scenario(async {
        let network = Network::start()?;
        let (_hub, arguments) = bridged(&network).await?;
        node_script("js_irc.mjs", &arguments).await
    })
}

#[test]
fn matrix_nio_talks_with_irc_through_heisenbridge() -> Result<()> {
    scenario(async {
        let network = Network::start()?;
        let (hub, arguments) = hub_for(&network).await?;
        let file = hub.folder().join("heisenbridge.yaml");
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let listen = words(&format!("-c {} -l 127.0.0.1 -p {}", file.display(), free_port()?));
        let program = "heisenbridge_unthrottled.py";
        Program::python(program, &[listen.clone(), words("--generate")].concat())?.finish().await?;
        hub.command(&["registration", "add", file.to_str().context("a path that is text")?]).await?;
        let owner = words(&format!("-o @alice:{} {}", Hub::SERVER_NAME, hub.url()));
        let mut bridge = Program::python(program, &[listen, owner].concat())?;
        bridge.start()?;
        python_script("heisenbridge_irc.py", &arguments).await?;
        bridge.stop().await
    })
}
