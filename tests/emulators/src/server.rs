//! An HTTP server on loopback in a runtime of its own, so that stopping it cuts its connections too.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::runtime::Runtime;

pub struct Server {
    pub address: SocketAddr,
    router: Router,
    runtime: Mutex<Option<Runtime>>,
}

impl Server {
    /// A port of its own.
    pub fn port() -> Result<TcpListener> {
        TcpListener::bind("127.0.0.1:0").context("binding a port for an emulator")
    }

    pub fn start(listener: TcpListener, router: Router) -> Result<Self> {
        let address = listener.local_addr().context("reading an emulator's port")?;
        let runtime = serve(listener, router.clone())?;
        Ok(Self { address, router, runtime: Mutex::new(Some(runtime)) })
    }

    /// Closes the port; connections are cut.
    pub fn stop(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            // a runtime may not be ended from inside of another one
            let ended = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(1))).join();
            ended.expect("ending a runtime does not panic");
        }
    }

    /// Opens the same port again.
    pub async fn restart(&self) -> Result<()> {
        self.stop();
        let mut tries = 0;
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(error) if tries == 100 => return Err(error).context("binding an emulator's port again"),
                // the runtime that had it ends in the background
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            tries += 1;
        };
        let runtime = serve(listener, self.router.clone())?;
        *self.runtime.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(listener: TcpListener, router: Router) -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting an emulator's runtime")?;
    listener.set_nonblocking(true).context("setting up an emulator's port")?;
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener inside of a runtime");
        if let Err(error) = axum::serve(listener, router).await {
            panic!("an emulator ended: {error}");
        }
    });
    Ok(runtime)
}
