use std::io::Cursor;

use axum::body::Body;
use axum::http::{Request, header};

use super::hub::{MAX_UPLOAD, TestHub};

async fn upload(hub: &TestHub, token: &str, content_type: &str, bytes: Vec<u8>) -> String {
    let request = Request::post("/_matrix/media/v3/upload?filename=a%20file.bin")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, content_type);
    let answer = hub.request(request.body(Body::from(bytes)).expect("a request")).await.ok();
    let uri = answer["content_uri"].as_str().expect("a uri");
    uri.strip_prefix("mxc://").expect("an mxc uri").to_owned()
}

#[tokio::test]
async fn file_comes_back_as_it_was_and_cannot_act() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let bytes: Vec<u8> = (0..90_000).map(|byte| (byte % 251) as u8).collect();
    let id = upload(&hub, &token, "text/html", bytes.clone()).await;
    let path = format!("/_matrix/client/v1/media/download/{id}");
    hub.get(&path, "").await.refused(401, "M_MISSING_TOKEN");
    let file = hub.get(&path, &token).await;
    assert_eq!(file.body, bytes);
    assert_eq!(file.headers[header::CONTENT_TYPE], "text/html");
    assert_eq!(file.headers[header::CONTENT_DISPOSITION], "attachment; filename*=utf-8''a%20file.bin");
    assert!(file.headers[header::CONTENT_SECURITY_POLICY].to_str().is_ok_and(|policy| policy.starts_with("sandbox")));
    assert_eq!(hub.get(&format!("/_matrix/media/r0/download/{id}/other.txt"), "").await.body, bytes);
    hub.get("/_matrix/client/v1/media/download/hub.test/..%2F..%2Fhub.db", &token).await.refused(404, "M_NOT_FOUND");
    hub.get("/_matrix/client/v1/media/download/other.test/abc", &token).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn too_large_file_is_refused_with_and_without_its_length() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let bytes = vec![0; MAX_UPLOAD as usize + 1];
    hub.call("POST", "/_matrix/media/v3/upload", &token, bytes.clone()).await.refused(413, "M_TOO_LARGE");
    let chunks = futures_util::stream::iter(
        bytes.chunks(1000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
    );
    let body = Body::from_stream(chunks);
    hub.call("POST", "/_matrix/media/v3/upload", &token, body).await.refused(413, "M_TOO_LARGE");
}

#[tokio::test]
async fn announced_file_is_uploaded_once_by_who_announced_it() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let (_, other) = hub.user("bob").await;
    let made = hub.call("POST", "/_matrix/media/v1/create", &token, "").await.ok();
    let id = made["content_uri"].as_str().and_then(|uri| uri.strip_prefix("mxc://")).expect("a uri").to_owned();
    let download = format!("/_matrix/client/v1/media/download/{id}");
    hub.get(&format!("/_matrix/client/v1/media/thumbnail/{id}?width=1&height=1&timeout_ms=0"), &token)
        .await
        .refused(504, "M_NOT_YET_UPLOADED");
    let path = format!("/_matrix/media/v3/upload/{id}");
    hub.call("PUT", &path, &other, "theirs").await.refused(404, "M_NOT_FOUND");
    hub.call("PUT", &path, &token, "mine").await.ok();
    hub.call("PUT", &path, &token, "again").await.refused(409, "M_CANNOT_OVERWRITE_MEDIA");
    assert_eq!(hub.get(&download, &token).await.body, "mine");
}

#[tokio::test]
async fn thumbnail_is_smaller_and_of_no_image_refused() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let mut png = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(400, 200, image::Rgb([200, 10, 10]))
        .write_to(&mut png, image::ImageFormat::Png)
        .expect("a PNG");
    let id = upload(&hub, &token, "image/png", png.into_inner()).await;
    let thumbnail = async |query: &str| {
        let answer = hub.get(&format!("/_matrix/client/v1/media/thumbnail/{id}?{query}"), &token).await;
        let image = image::load_from_memory(&answer.body).expect("an image");
        (image.width(), image.height())
    };
    assert_eq!(thumbnail("width=90&height=90&method=crop").await, (96, 96));
    assert_eq!(thumbnail("width=320&height=240&method=scale").await, (320, 160));
    assert_eq!(thumbnail("width=5000&height=5000&method=scale").await, (400, 200));
    let id = upload(&hub, &token, "image/png", b"no image".to_vec()).await;
    hub.get(&format!("/_matrix/client/v1/media/thumbnail/{id}?width=big"), &token)
        .await
        .refused(400, "M_INVALID_PARAM");
    let path = format!("/_matrix/client/v1/media/thumbnail/{id}?width=96&height=96");
    hub.get(&path, &token).await.refused(400, "M_UNKNOWN");
}
