//! Pages that people see in a browser: no script, nothing from elsewhere, nothing kept.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, Value, context};
use sha2::{Digest as _, Sha256};

use crate::ApiError;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color:#1b1d22;\
background:#f4f6fa}main{background:#fff;border-radius:.75rem;padding:1.5rem;box-shadow:0 1px 4px #0002}h1{font-size:1.35rem;\
margin:0 0 1rem}label{display:block;margin:.75rem 0}input{display:block;box-sizing:border-box;width:100%;font:inherit;\
padding:.5rem;border:1px solid #a5abb8;border-radius:.4rem}input[type=checkbox]{display:inline;width:auto}button{font:inherit;\
margin:.75rem .5rem 0 0;padding:.5rem 1.25rem;border:0;border-radius:.4rem;background:#0b6b4f;color:#fff;cursor:pointer}\
button.other{background:#e3e6ec;color:#1b1d22}.problem{color:#a8071a}code{font-size:1.1em}li{margin:.4rem 0}";

const FRAME: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>{{ title }}</title><style>{{ style|safe }}</style></head>\
<body><main><h1>{{ title }}</h1>\n{{ body|safe }}</main></body></html>\n";

/// A page to be shown.
pub(crate) struct Page<'a> {
    pub status: StatusCode,
    pub title: &'a str,
    /// a Jinja template of HTML; what it prints is escaped
    pub template: &'a str,
    pub context: Value,
    /// Where its form may lead besides here: browsers look at redirects of forms, too.
    pub leads_to: Option<&'a str>,
}

impl Page<'_> {
    pub fn render(self) -> Result<Response<Body>, ApiError> {
        let jinja = Environment::new();
        let body = jinja.render_named_str("page.html", self.template, self.context).map_err(ApiError::internal)?;
        let context = context! { title => self.title, style => STYLE, body };
        let html = jinja.render_named_str("frame.html", FRAME, context).map_err(ApiError::internal)?;
        let targets = self.leads_to.and_then(origin).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; form-action 'self' {targets}; frame-ancestors 'none'; base-uri 'none'",
            STANDARD.encode(Sha256::digest(STYLE))
        );
        let policy = HeaderValue::from_str(&policy).map_err(ApiError::internal)?;
        let mut response = (self.status, html).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Its address may have a token in it.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

/// A URL's scheme and host as a policy names them; its scheme alone for an app's own.
fn origin(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    match url.scheme() {
        "http" | "https" => Some(url.origin().ascii_serialization()),
        scheme => Some(format!("{scheme}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_printed_is_escaped_and_the_policy_names_where_the_form_leads() {
        let page = Page {
            status: StatusCode::OK,
            title: "<b>",
            template: "<p>{{ name }}</p>",
            context: context! { name => "<script>" },
            leads_to: Some("https://app.test/path?a=b"),
        };
        let response = page.render().expect("a whole template");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("a policy").to_owned();
        assert!(policy.contains("form-action 'self' https://app.test;"), "{policy}");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        let html = String::from_utf8(body.to_vec()).expect("UTF-8");
        assert!(html.contains("&lt;script&gt;") && html.contains("<title>&lt;b&gt;</title>"), "{html}");
        assert!(!html.contains("<script"), "{html}");
    }
}
