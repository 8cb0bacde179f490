//! The page itself: what a browser loads.

use axum::http::header;
use axum::response::{IntoResponse, Redirect};

use super::PATH;

/// `GET /_causeway/bridges`
pub async fn redirect() -> Redirect {
    Redirect::permanent(&format!("{PATH}/"))
}

/// `GET /_causeway/bridges/`
pub async fn page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("page/page.html"))
}

/// `GET /_causeway/bridges/page.css`
pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/page.css"))
}

/// `GET /_causeway/bridges/page.js`
pub async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page/page.js"))
}
