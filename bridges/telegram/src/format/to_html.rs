//! Entities to Matrix HTML.

use crate::api::Entity;

/// `None` where the text alone says it all. `mention` answers the address behind a mentioned user's number.
pub fn to_html(text: &str, entities: &[Entity], mention: &dyn Fn(i64) -> Option<String>) -> Option<String> {
    let mut spans: Vec<(usize, usize, &Entity)> =
        entities.iter().map(|e| (e.offset, e.offset.saturating_add(e.length), e)).filter(|(a, b, _)| a < b).collect();
    if spans.iter().all(|(_, _, entity)| tags(entity, "", mention).is_none()) {
        return None;
    }
    // Those that begin first, and of these the longest, are outermost; what Telegram promises to nest does so.
    spans.sort_by_key(|(from, to, _)| (*from, usize::MAX - *to));
    let units: Vec<u16> = text.encode_utf16().collect();
    let slice = |from: usize, to: usize| String::from_utf16_lossy(&units[from.min(units.len())..to.min(units.len())]);
    let mut out = String::new();
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    let close_until = |out: &mut String, open: &mut Vec<(usize, String)>, at: &mut usize, until: usize| {
        while let Some((end, _)) = open.last().filter(|(end, _)| *end <= until) {
            escape(&slice(*at, *end), is_preformatted(open), out);
            *at = (*at).max(*end);
            out.push_str(&open.pop().map(|(_, tag)| tag).unwrap_or_default());
        }
    };
    for (from, to, entity) in spans {
        close_until(&mut out, &mut open, &mut at, from);
        let to = open.last().map_or(to, |(end, _)| to.min(*end)).min(units.len());
        if to <= from {
            continue;
        }
        let Some((begin, end)) = tags(entity, &slice(from, to), mention) else { continue };
        if from > at {
            escape(&slice(at, from), is_preformatted(&open), &mut out);
            at = from;
        }
        out.push_str(&begin);
        open.push((to, end));
    }
    close_until(&mut out, &mut open, &mut at, usize::MAX);
    escape(&slice(at, units.len()), false, &mut out);
    Some(out)
}

fn is_preformatted(open: &[(usize, String)]) -> bool {
    open.iter().any(|(_, end)| end.ends_with("</pre>"))
}

/// How an entity begins and ends; `None` for what needs no mark, as a client finds it by itself.
fn tags(entity: &Entity, text: &str, mention: &dyn Fn(i64) -> Option<String>) -> Option<(String, String)> {
    let simple = |tag: &str| Some((format!("<{tag}>"), format!("</{tag}>")));
    let link = |url: &str| {
        let mut begin = "<a href=\"".to_owned();
        escape(url, true, &mut begin);
        Some((begin + "\">", "</a>".to_owned()))
    };
    match entity.kind.as_str() {
        "bold" => simple("strong"),
        "italic" => simple("em"),
        "underline" => simple("u"),
        "strikethrough" => simple("del"),
        "code" => simple("code"),
        "blockquote" | "expandable_blockquote" => simple("blockquote"),
        "spoiler" => Some(("<span data-mx-spoiler>".to_owned(), "</span>".to_owned())),
        "pre" => {
            let is_plain = |language: &&String| {
                !language.is_empty() && language.chars().all(|c| c.is_ascii_alphanumeric() || "+-#_.".contains(c))
            };
            let class = entity.language.as_ref().filter(is_plain);
            let class = class.map(|language| format!(" class=\"language-{language}\"")).unwrap_or_default();
            Some((format!("<pre><code{class}>"), "</code></pre>".to_owned()))
        }
        "text_link" => link(entity.url.as_deref().filter(|url| !url.is_empty())?),
        "text_mention" => link(&mention(entity.user.as_ref()?.id)?),
        "mention" => link(&format!("https://t.me/{}", text.strip_prefix('@').unwrap_or_default())),
        _ => None,
    }
}

fn escape(text: &str, keeps_lines: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' if !keeps_lines => out.push_str("<br>"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EntityUser;

    fn entity(kind: &str, offset: usize, length: usize) -> Entity {
        Entity { kind: kind.into(), offset, length, ..Entity::default() }
    }

    fn html(text: &str, entities: &[Entity]) -> Option<String> {
        to_html(text, entities, &|id| (id == 5).then(|| "https://matrix.to/#/@telegram_5:x".to_owned()))
    }

    #[test]
    fn text_without_marks_needs_no_html() {
        assert_eq!(html("see https://x.example #tag", &[entity("url", 4, 17), entity("hashtag", 22, 4)]), None);
    }

    #[test]
    fn offsets_are_counted_in_utf16() {
        assert_eq!(
            html("🎈🎈 big & <b>", &[entity("bold", 5, 3)]).unwrap(),
            "🎈🎈 <strong>big</strong> &amp; &lt;b&gt;"
        );
    }

    #[test]
    fn marks_nest() {
        let nested = [entity("bold", 0, 7), entity("italic", 2, 3), entity("underline", 3, 1)];
        assert_eq!(html("ab cd e", &nested).unwrap(), "<strong>ab<em> <u>c</u>d</em> e</strong>");
        let same = [entity("italic", 0, 2), entity("bold", 0, 2)];
        assert_eq!(html("ab", &same).unwrap(), "<em><strong>ab</strong></em>");
    }

    #[test]
    fn lines_stay_lines_and_code_keeps_its_language() {
        assert_eq!(html("a\nb", &[entity("bold", 0, 1)]).unwrap(), "<strong>a</strong><br>b");
        let pre = Entity { language: Some("rust".into()), ..entity("pre", 0, 3) };
        assert_eq!(html("x\ny z", &[pre]).unwrap(), "<pre><code class=\"language-rust\">x\ny</code></pre> z");
        let evil = Entity { language: Some("\"><script>".into()), ..entity("pre", 0, 1) };
        assert_eq!(html("x", &[evil]).unwrap(), "<pre><code>x</code></pre>");
    }

    #[test]
    fn links_and_mentions_have_their_address() {
        let link = Entity { url: Some("https://x/?a=\"b".into()), ..entity("text_link", 0, 1) };
        assert_eq!(html("x", &[link]).unwrap(), "<a href=\"https://x/?a=&quot;b\">x</a>");
        let user = |id| Some(EntityUser { id, ..EntityUser::default() });
        let known = Entity { user: user(5), ..entity("text_mention", 0, 3) };
        assert_eq!(html("Bob", &[known]).unwrap(), "<a href=\"https://matrix.to/#/@telegram_5:x\">Bob</a>");
        assert_eq!(html("@bob", &[entity("mention", 0, 4)]).unwrap(), "<a href=\"https://t.me/bob\">@bob</a>");
    }

    #[test]
    fn what_is_out_of_bounds_or_crossed_does_no_harm() {
        assert_eq!(html("ab", &[entity("bold", 1, 99)]).unwrap(), "a<strong>b</strong>");
        assert_eq!(html("ab", &[entity("bold", 7, 2)]).unwrap(), "ab");
        assert_eq!(
            html("abcd", &[entity("bold", 0, 3), entity("italic", 1, 3)]).unwrap(),
            "<strong>a<em>bc</em></strong>d"
        );
        assert_eq!(html("ab", &[entity("bold", usize::MAX, 2)]), None);
    }
}
