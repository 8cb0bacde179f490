//! The entities of a text that a bot sends. Stricter than the server, which mends some of this: a connector that needs
//! mending is one that counts wrongly.

use serde_json::Value;

use super::error::ApiError;

const KINDS: [&str; 18] = [
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
];

/// Kinds that hold no other and stand in no other but a quotation.
const ALONE: [&str; 2] = ["code", "pre"];

pub fn check(text: &str, entities: &Value) -> Result<(), ApiError> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let wrong = |what: &str, entity: &Value| Err(ApiError::bad(&format!("{what}: {entity} of {text:?}")));
    let Some(list) = entities.as_array() else { return Err(ApiError::bad("entities must be an array")) };
    let mut spans = Vec::new();
    for entity in list {
        let (Some(offset), Some(length)) = (entity["offset"].as_u64(), entity["length"].as_u64()) else {
            return wrong("entity without offset and length", entity);
        };
        let (from, to) = (offset as usize, (offset + length) as usize);
        if length == 0 || to > units.len() {
            return wrong("entity is empty or ends after the text", entity);
        }
        // A low surrogate here means that the border lies inside a character.
        if [from, to].iter().any(|at| units.get(*at).is_some_and(|unit| (0xdc00..0xe000).contains(unit))) {
            return wrong("entity begins or ends inside of a character", entity);
        }
        let kind = entity["type"].as_str().unwrap_or_default();
        if kind != "custom_emoji" && !KINDS.contains(&kind) {
            return wrong("unknown entity", entity);
        }
        if kind == "text_link" && entity["url"].as_str().is_none_or(str::is_empty) {
            return wrong("text_link without url", entity);
        }
        if kind == "text_mention" && entity["user"]["id"].as_i64().is_none() {
            return wrong("text_mention without user", entity);
        }
        spans.push((from, to, kind));
    }
    for (i, a) in spans.iter().enumerate() {
        for b in &spans[i + 1..] {
            let overlap = a.0 < b.1 && b.0 < a.1;
            let nested = (a.0 <= b.0 && b.1 <= a.1) || (b.0 <= a.0 && a.1 <= b.1);
            if overlap && !nested {
                return Err(ApiError::bad(&format!("entities overlap: {a:?} and {b:?}")));
            }
            let is_alone = |kind: &str| ALONE.contains(&kind);
            let is_quote = |kind: &str| kind.ends_with("blockquote");
            if overlap && (is_alone(a.2) || is_alone(b.2)) && !is_quote(a.2) && !is_quote(b.2) {
                return Err(ApiError::bad(&format!("code holds other entities: {a:?} and {b:?}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entities_are_counted_in_utf16() {
        let bold = |offset, length| json!([{"type": "bold", "offset": offset, "length": length}]);
        assert!(check("🎈 big", &bold(3, 3)).is_ok());
        assert!(check("🎈 big", &bold(3, 4)).is_err(), "it ends after the text");
        assert!(check("🎈 big", &bold(1, 2)).is_err(), "it begins inside of the balloon");
        assert!(check("🎈 big", &bold(0, 0)).is_err(), "it is empty");
    }

    #[test]
    fn entities_nest_and_do_not_cross() {
        let two = |a: (u32, u32), b: (u32, u32)| json!([{"type": "bold", "offset": a.0, "length": a.1}, {"type": "italic", "offset": b.0, "length": b.1}]);
        assert!(check("abcdef", &two((0, 6), (2, 2))).is_ok());
        assert!(check("abcdef", &two((0, 3), (2, 3))).is_err());
    }
}
