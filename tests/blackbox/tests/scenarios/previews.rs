//! Previews of links as an admin configures them: what is inside is reached by no spelling and by no name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use causeway_blackbox::{Hub, HubOptions, escape};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PAGE: &str = "<title>Harbor</title>";

/// A site with one page, on a port of its own; how many have connected.
async fn site() -> Result<(u16, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let (port, connected) = (listener.local_addr()?.port(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&connected);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") && stream.read_buf(&mut asked).await.is_ok_and(|read| read > 0) {}
            let length = PAGE.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n");
            let _ = stream.write_all((head + PAGE).as_bytes()).await;
        }
    });
    Ok((port, connected))
}

/// Status and body of a preview that alice of a new hub asks for.
async fn previewed(config: &str, url: &str) -> Result<(u16, Value)> {
    let hub = Hub::start(HubOptions { config: config.to_owned(), ..HubOptions::default() }).await?;
    let path = format!("/_matrix/client/v1/media/preview_url?url={}", escape(url));
    hub.user("alice").await?.request(Method::GET, &path, None).await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed_unless_the_admin_allows_it() -> Result<()> {
    let (port, connected) = site().await?;
    let denied = "url_preview_enabled: true\nurl_preview_ip_range_blacklist: ['127.0.0.0/8', '::1/128']\n";
    let url = format!("http://localhost:{port}/");
    let (status, answer) = previewed(denied, &url).await?;
    ensure!(status == 502 && answer["errcode"] == "M_UNKNOWN", "{status} {answer}");
    let (status, answer) = previewed(denied, &format!("http://127.1:{port}/")).await?;
    ensure!(status == 403 && answer["errcode"] == "M_UNKNOWN", "{status} {answer}");
    ensure!(connected.load(Ordering::SeqCst) == 0, "it was reached");
    let allowed = format!("{denied}url_preview_ip_range_whitelist: [127.0.0.1]\n");
    let (status, answer) = previewed(&allowed, &url).await?;
    ensure!(status == 200 && answer == json!({"og:title": "Harbor"}), "{status} {answer}");
    Ok(())
}

#[tokio::test]
async fn without_the_key_there_are_no_previews() -> Result<()> {
    let (status, answer) = previewed("", "http://127.0.0.1/").await?;
    ensure!(status == 404 && answer["errcode"] == "M_UNRECOGNIZED", "{status} {answer}");
    Ok(())
}
