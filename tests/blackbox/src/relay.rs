//! A way to a server on loopback that can be cut and mended, while the server itself runs on.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub struct Relay {
    pub port: u16,
    is_open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Open at first.
    pub async fn start(target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("binding the relay's port")?;
        let port = listener.local_addr().context("reading the relay's port")?.port();
        let (is_open, opening) = watch::channel(true);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, target, opening.clone()));
            }
        });
        Ok(Self { port, is_open, task })
    }

    /// Ends every connection, and each new one at once.
    pub fn cut(&self) {
        self.is_open.send_replace(false);
    }

    pub fn mend(&self) {
        self.is_open.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection; either side's end, or a cut, is its end.
async fn pass(mut near: TcpStream, target: u16, mut opening: watch::Receiver<bool>) {
    if !*opening.borrow() {
        return;
    }
    let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    tokio::select! {
        // How it ended does not matter to either.
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = opening.wait_for(|open| !open) => {}
    }
}
