//! InspIRCd: a real server with most of IRCv3.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

use super::process::{Process, find, free_port};

const MODULES: &[&str] = &[
    "cap",
    "ircv3",
    "ircv3_accounttag",
    "ircv3_batch",
    "ircv3_capnotify",
    "ircv3_chghost",
    "ircv3_ctctags",
    "ircv3_echomessage",
    "ircv3_invitenotify",
    "ircv3_labeledresponse",
    "ircv3_msgid",
    "ircv3_servertime",
    "monitor",
    "namesx",
    "setname",
    "uhnames",
];

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// listens with TLS too: certificate and key as PEM
    pub tls: Option<(String, String)>,
    /// a port for services (Atheme), with SASL
    pub services: bool,
    /// without IRCv3 modules beyond those of 2012
    pub is_plain: bool,
}

pub struct InspIrcd {
    pub port: u16,
    pub tls_port: Option<u16>,
    pub services_port: Option<u16>,
    options: Options,
    dir: TempDir,
    process: Process,
}

impl InspIrcd {
    /// Listens on a free loopback port, with no limit on rates.
    ///
    /// # Errors
    /// InspIRCd is not installed, or does not start; its last words are in the error.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default())
    }

    pub fn start_with(options: Options) -> anyhow::Result<Self> {
        let dir = TempDir::new().context("making a directory for inspircd")?;
        let port = free_port()?;
        let tls_port = options.tls.is_some().then(free_port).transpose()?;
        let services_port = options.services.then(free_port).transpose()?;
        if let Some((certificate, key)) = &options.tls {
            std::fs::write(dir.path().join("cert.pem"), certificate).context("writing the certificate")?;
            std::fs::write(dir.path().join("key.pem"), key).context("writing the key")?;
        }
        let config = config(dir.path(), port, tls_port, services_port, &options);
        std::fs::write(dir.path().join("inspircd.conf"), config).context("writing inspircd's config")?;
        let process = run(dir.path(), port)?;
        Ok(Self { port, tls_port, services_port, options, dir, process })
    }

    /// Ends the server as a crash would: every connection is cut.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// The same server again, on the same ports.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        self.process = run(self.dir.path(), self.port)?;
        Ok(())
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    pub fn log(&self) -> String {
        self.process.log_text()
    }
}

fn run(dir: &Path, port: u16) -> anyhow::Result<Process> {
    let program = find(&["/usr/sbin/inspircd", "/usr/bin/inspircd"])?;
    let mut command = Command::new(program);
    command
        .arg("--config")
        .arg(dir.join("inspircd.conf"))
        .args(["--nofork", "--runasroot", "--nopid"])
        .current_dir(dir);
    let mut process = Process::start(&mut command, dir.join("log"))?;
    process.wait_for(port)?;
    Ok(process)
}

fn config(dir: &Path, port: u16, tls_port: Option<u16>, services_port: Option<u16>, options: &Options) -> String {
    let mut out = String::new();
    let mut line = |text: &str| _ = writeln!(out, "{text}");
    let path = dir.display();
    line(r#"<server name="irc.test.local" description="test" network="TestNet" id="001">"#);
    line(r#"<admin name="test" nick="test" email="test@test.local">"#);
    line(&format!(r#"<bind address="127.0.0.1" port="{port}" type="clients">"#));
    line(
        r#"<connect name="all" allow="*" timeout="60" pingfreq="120" hardsendq="100M" softsendq="50M" recvq="1M" threshold="100000" commandrate="1000000" fakelag="off" localmax="1000" globalmax="1000" maxchans="200" useident="no" resolvehostnames="no" limit="1000">"#,
    );
    line(r#"<class name="all" commands="*" privs="*" usermodes="*" chanmodes="*">"#);
    line(r#"<performance softlimit="4096" somaxconn="128" netbuffersize="10240" clonesonconnect="no">"#);
    line(r#"<options prefixquit="" syntaxhints="no" hostintopic="yes" defaultmodes="not" allowhalfop="yes">"#);
    line(&format!(r#"<path configdir="{path}" datadir="{path}" logdir="{path}" runtimedir="{path}">"#));
    line(r#"<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="irc.log">"#);
    for module in MODULES.iter().filter(|m| !options.is_plain || **m == "namesx") {
        line(&format!(r#"<module name="{module}">"#));
    }
    if let Some(tls_port) = tls_port {
        line(r#"<module name="ssl_gnutls">"#);
        line(&format!(
            r#"<sslprofile name="test" provider="gnutls" certfile="{path}/cert.pem" keyfile="{path}/key.pem" requestclientcert="no">"#
        ));
        line(&format!(r#"<bind address="127.0.0.1" port="{tls_port}" type="clients" sslprofile="test">"#));
    }
    if let Some(services_port) = services_port {
        for module in ["spanningtree", "services_account", "sasl"] {
            line(&format!(r#"<module name="{module}">"#));
        }
        line(r#"<sasl target="services.test.local" requiressl="no">"#);
        line(&format!(r#"<bind address="127.0.0.1" port="{services_port}" type="servers">"#));
        line(&format!(
            r#"<link name="services.test.local" ipaddr="127.0.0.1" port="{services_port}" allowmask="127.0.0.0/8" sendpass="linkpass" recvpass="linkpass">"#
        ));
        line(r#"<uline server="services.test.local">"#);
    }
    out
}
