//! `user_consent`: terms that have to be agreed to at registration.

use std::path::Path;

use causeway_api::Terms;

use super::section::Section;

/// The page is `template_dir/en/VERSION.html`, as in Synapse.
pub fn read(root: &Section<'_>, directory: &Path) -> Option<Terms> {
    root.get("user_consent")?;
    let section = root.section("user_consent");
    let at_registration = section.bool("require_at_registration", false);
    let version = section.string("version");
    let name = section.string("policy_name").unwrap_or_else(|| "Privacy Policy".to_owned());
    let folder = section.string("template_dir");
    section.finish();
    if !at_registration {
        root.warn("user_consent", "consent is asked for at registration only (require_at_registration); it is ignored");
        return None;
    }
    let (Some(version), Some(folder)) = (version, folder) else {
        root.mistake("user_consent", "needs version and template_dir");
        return None;
    };
    let path = directory.join(&folder).join("en").join(format!("{version}.html"));
    let template = std::fs::read_to_string(&path).map_err(|error| format!("can't be read: {error}"));
    let terms = template
        .and_then(|template| Terms::new(version, name, template).map_err(|error| format!("is no template: {error}")));
    terms.map_err(|text| section.mistake("template_dir", format_args!("{} {text}", path.display()))).ok()
}
