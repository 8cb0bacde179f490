//! A mail server that keeps what it takes (aiosmtpd).

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{Program, free_port, until};

pub struct MailServer {
    program: Program,
    folder: TempDir,
    pub port: u16,
}

impl MailServer {
    pub async fn start() -> Result<Self> {
        Self::start_with(json!({})).await
    }

    /// `options`: of `clients/mail_server.py`
    pub async fn start_with(mut options: Value) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for mail")?;
        let port = free_port()?;
        options["port"] = port.into();
        options["folder"] = folder.path().to_str().context("a path that is text")?.into();
        let mut server = Self { program: Program::python("mail_server.py", &[options.to_string()])?, folder, port };
        server.serve().await?;
        Ok(server)
    }

    /// Starts it again; what it took before is forgotten.
    pub async fn serve(&mut self) -> Result<()> {
        self.program.start()?;
        until("the mail server to listen", || async { Ok(TcpStream::connect(("127.0.0.1", self.port)).await?) })
            .await
            .map(drop)
    }

    pub async fn stop(&mut self) -> Result<()> {
        self.program.stop().await?;
        for entry in std::fs::read_dir(self.folder.path())? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// The mail of this number, from 1 on, once it has come.
    pub async fn mail(&self, number: usize) -> Result<Value> {
        let file = self.folder.path().join(format!("{number}.json"));
        until("a mail", || async { Ok(serde_json::from_slice(&std::fs::read(&file)?)?) }).await
    }

    /// So many have come.
    pub fn count(&self) -> Result<usize> {
        Ok(std::fs::read_dir(self.folder.path())?.count())
    }

    /// The link in the mail of this number, which both of its forms have.
    pub async fn link(&self, number: usize) -> Result<String> {
        let mail = self.mail(number).await?;
        let text = mail["text"].as_str().context("a mail without text")?;
        let link = text.lines().find(|line| line.starts_with("http")).with_context(|| format!("no link in {text}"))?;
        let html = mail["html"].as_str().context("a mail without HTML")?;
        ensure!(html.replace("&amp;", "&").replace("&#x2f;", "/").contains(link), "{html} has not {link}");
        Ok(link.to_owned())
    }
}
