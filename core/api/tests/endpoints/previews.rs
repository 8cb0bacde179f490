//! Previews of links, of pages on a server of the test's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::hub::{Answered, TestHub, encode};

const PREVIEW: &str = "/_matrix/client/v1/media/preview_url";

fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(40, 30).write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    bytes.into_inner()
}

/// A site on loopback.
struct Site {
    address: SocketAddr,
    /// requests for `/page`
    asked: Arc<AtomicUsize>,
    language: Arc<std::sync::Mutex<Option<String>>>,
}

impl Site {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let (asked, language) = (Arc::<AtomicUsize>::default(), Arc::<std::sync::Mutex<Option<String>>>::default());
        let (count, heard) = (Arc::clone(&asked), Arc::clone(&language));
        let page = async move |headers: HeaderMap| {
            count.fetch_add(1, Ordering::SeqCst);
            let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            *heard.lock().expect("nobody panicked") = language.map(str::to_owned);
            Html(
                "<title>Not this</title><meta property=og:title content='Tea &amp; cake'><meta property=og:image content=cup.png>",
            )
        };
        let named =
            [(header::CONTENT_TYPE, "image/png"), (header::CONTENT_DISPOSITION, "inline; filename=\"cup.png\"")];
        let endless = || async {
            let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096])));
            Response::builder().header("content-type", "text/html").body(Body::from_stream(chunks)).expect("an answer")
        };
        let inside = format!("http://127.0.0.2:{port}/page");
        let image_inside = format!("<title>x</title><meta property=og:image content=http://127.0.0.2:{port}/cup.png>");
        let told = r#"{"version": "1.0", "type": "photo", "url": "/cup.png", "title": "Told", "author_name": "A"}"#;
        let routes = Router::new()
            .route("/page", get(page))
            .route("/cup.png", get(async move || (named, picture())))
            .route(
                "/embed",
                get(async || Html("<link rel=alternate type=application/json+oembed href=/told.json>words")),
            )
            .route("/told.json", get(async move || ([(header::CONTENT_TYPE, "application/json")], told)))
            .route("/moved", get(async || Redirect::permanent("/page")))
            .route("/round", get(async || Redirect::temporary("/round")))
            .route("/inside", get(async move || Redirect::temporary(&inside)))
            .route("/image-inside", get(async move || Html(image_inside)))
            .route("/scheme", get(async || Redirect::temporary("file:///etc/passwd")))
            .route("/gone", get(async || StatusCode::NOT_FOUND.into_response()))
            .route("/endless", get(endless))
            .route("/long", get(async || Html("x".repeat(200_000))))
            .route("/binary", get(async || ([(header::CONTENT_TYPE, "application/zip")], "PK")));
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self { address: (Ipv4Addr::LOCALHOST, port).into(), asked, language }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

async fn preview(hub: &TestHub, token: &str, url: &str) -> Answered {
    hub.get(&format!("{PREVIEW}?url={}", encode(url)), token).await
}

#[tokio::test]
async fn a_page_is_shown_with_its_image_and_asked_for_once() {
    let (hub, site) = (TestHub::start().await, Site::start().await);
    let (_, token) = hub.user("alice").await;
    let shown = preview(&hub, &token, &site.url("page")).await.ok();
    let uri = shown["og:image"].as_str().expect("an image").to_owned();
    let size = picture().len();
    let expected = json!({
        "og:title": "Tea & cake", "og:image": uri, "og:image:type": "image/png", "og:image:width": 40,
        "og:image:height": 30, "matrix:image:size": size,
    });
    assert_eq!(shown, expected);
    assert_eq!(site.language.lock().expect("nobody panicked").as_deref(), Some("de, en;q=0.5"));
    let place = uri.strip_prefix("mxc://").expect("an mxc URI");
    let path = format!("/_matrix/client/v1/media/download/{place}");
    assert_eq!(hub.get(&path, &token).await.body, picture());

    let older = format!("/_matrix/media/v3/preview_url?url={}", encode(&site.url("page")));
    assert_eq!(hub.get(&older, &token).await.ok(), shown);
    assert_eq!(site.asked.load(Ordering::SeqCst), 1, "it was asked for again");
    let thumbnail = format!("/_matrix/client/v1/media/thumbnail/{place}?width=32&height=32&method=crop");
    assert_eq!(hub.get(&thumbnail, &token).await.status, 200);
    let previews = hub.api.previews.as_ref().expect("they are on");
    previews.forget_images_before(i64::MAX).await.expect("they can be removed");
    hub.get(&path, &token).await.refused(404, "M_NOT_FOUND");
    hub.get(&thumbnail, &token).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn images_oembed_and_redirects_are_followed() {
    let (hub, site) = (TestHub::start().await, Site::start().await);
    let (_, token) = hub.user("alice").await;
    let image = preview(&hub, &token, &site.url("cup.png")).await.ok();
    assert_eq!((&image["og:description"], &image["og:image:width"]), (&json!("cup.png"), &json!(40)));
    let embedded = preview(&hub, &token, &site.url("embed")).await.ok();
    assert_eq!(embedded["og:title"], "Told");
    assert_eq!((&embedded["og:description"], &embedded["og:url"]), (&json!("words"), &json!(site.url("embed"))));
    assert!(embedded["og:image"].as_str().is_some_and(|image| image.starts_with("mxc://")), "{embedded}");
    assert_eq!(preview(&hub, &token, &site.url("moved")).await.ok()["og:title"], "Tea & cake");
    assert_eq!(preview(&hub, &token, &site.url("told.json")).await.ok(), json!({}));
}

#[tokio::test]
async fn nothing_inside_is_reached_and_nothing_is_read_without_end() {
    let (hub, site) = (TestHub::start().await, Site::start().await);
    let (_, token) = hub.user("alice").await;
    let port = site.address.port();
    for (url, status, errcode) in [
        (format!("http://127.0.0.2:{port}/page"), 403, "M_UNKNOWN"),
        (format!("http://0x7f.2:{port}/page"), 403, "M_UNKNOWN"),
        (format!("http://[::ffff:127.0.0.2]:{port}/page"), 403, "M_UNKNOWN"),
        (site.url("inside"), 403, "M_UNKNOWN"),
        (site.url("denied/page"), 403, "M_UNKNOWN"),
        (site.url("scheme"), 400, "M_INVALID_PARAM"),
        ("file:///etc/passwd".to_owned(), 400, "M_INVALID_PARAM"),
        ("harbor".to_owned(), 400, "M_INVALID_PARAM"),
        (site.url("round"), 502, "M_UNKNOWN"),
        (site.url("gone"), 502, "M_UNKNOWN"),
        (site.url("binary"), 502, "M_UNKNOWN"),
        (site.url("endless"), 502, "M_TOO_LARGE"),
        (site.url("long"), 502, "M_TOO_LARGE"),
        (site.url(&"x".repeat(5_000)), 400, "M_INVALID_PARAM"),
    ] {
        let answered = preview(&hub, &token, &url).await;
        let said: Value = answered.json();
        assert_eq!((answered.status.as_u16(), said["errcode"].as_str()), (status, Some(errcode)), "{url}: {said}");
    }
    assert_eq!(site.asked.load(Ordering::SeqCst), 0, "the page inside was reached");
    let shown = preview(&hub, &token, &site.url("image-inside")).await.ok();
    assert_eq!(shown, json!({ "og:title": "x" }));
    hub.get(PREVIEW, &token).await.refused(400, "M_MISSING_PARAM");
    preview(&hub, "", &site.url("page")).await.refused(401, "M_MISSING_TOKEN");
}
