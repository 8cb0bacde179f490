//! `causeway.log`: what the log tells, and in which form.

use tracing_subscriber::EnvFilter;

use super::section::Section;

const DEFAULT: &str = "info,ruma_state_res=warn";

#[derive(Clone, Debug)]
pub struct Log {
    /// `info`, or with exceptions: `info,causeway_router=debug`
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// an object a line
    Json,
}

pub fn read(own: &Section<'_>) -> Log {
    let section = own.section("log");
    let filter = section.string("filter").unwrap_or_else(|| DEFAULT.to_owned());
    if let Err(error) = EnvFilter::try_new(&filter) {
        section.mistake("filter", format_args!("{error}; write info, or info,causeway_router=debug"));
    }
    let format = match section.string("format").as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(_) => {
            section.mistake("format", "must be text or json");
            LogFormat::Text
        }
    };
    section.finish();
    Log { filter, format }
}
