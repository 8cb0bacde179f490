//! What an oEmbed answer (oembed.com) says in OpenGraph's words.

use serde_json::{Map, Value};

use super::html;

#[derive(Debug, Default)]
pub(super) struct Told {
    pub shown: Map<String, Value>,
    pub author: Option<String>,
}

/// `url`: of the page that it is about.
pub(super) fn read(url: &str, text: &str) -> Told {
    let Ok(Value::Object(told)) = serde_json::from_str(text) else { return Told::default() };
    // Not everybody gives it, some as a number.
    if !told.get("version").is_none_or(|version| *version == "1.0" || version.as_f64() == Some(1.0)) {
        return Told::default();
    }
    let text = |key: &str| told.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut shown = Map::new();
    let mut put = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            shown.insert(key.to_owned(), value.into());
        }
    };
    put("og:url", Some(url));
    put("og:title", text("title"));
    put("og:site_name", text("provider_name"));
    put("og:image", text("thumbnail_url"));
    let embedded = || text("html").map(html::read).unwrap_or_default();
    match text("type") {
        Some("photo") => put("og:image", text("url")),
        Some("link") => put("og:type", Some("website")),
        Some("rich") => embed(&mut shown, embedded()),
        Some("video") => {
            put("og:type", Some("video.other"));
            embed(&mut shown, embedded());
            for side in ["width", "height"] {
                if let Some(size) = told.get(side).filter(|size| size.is_u64()) {
                    shown.insert(format!("og:video:{side}"), size.clone());
                }
            }
        }
        _ => {}
    }
    Told { shown, author: text("author_name").map(str::to_owned) }
}

/// From the HTML that stands for the thing itself.
fn embed(shown: &mut Map<String, Value>, mut page: html::Page) {
    for key in ["og:image", "og:description"] {
        if let Some(value) = page.shown.remove(key)
            && !shown.contains_key(key)
        {
            shown.insert(key.to_owned(), value);
        }
    }
    if let Some(video) = page.video {
        shown.insert("og:video".to_owned(), video.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_told_in_opengraphs_words() {
        let told = |text: Value| Value::Object(read("https://page.test/", &text.to_string()).shown);
        let photo =
            json!({ "version": "1.0", "type": "photo", "url": "p.png", "thumbnail_url": "t.png", "title": "P" });
        assert_eq!(told(photo), json!({ "og:url": "https://page.test/", "og:title": "P", "og:image": "p.png" }));
        let rich = json!({ "type": "rich", "html": "<p>Hello</p><img src=x.png>", "provider_name": "Site" });
        let expected = json!({ "og:url": "https://page.test/", "og:site_name": "Site", "og:image": "x.png",
            "og:description": "Hello" });
        assert_eq!(told(rich), expected);
        let video = json!({ "version": 1.0, "type": "video", "html": "<video src=v.mp4>", "width": 4, "height": "3" });
        let expected = json!({ "og:url": "https://page.test/", "og:type": "video.other", "og:video": "v.mp4",
            "og:video:width": 4 });
        assert_eq!(told(video), expected);
        assert_eq!(told(json!({ "version": "2.0", "title": "x" })), json!({}));
        assert_eq!(told(json!([1])), json!({}));
    }
}
