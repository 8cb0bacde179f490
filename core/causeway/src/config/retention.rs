//! `retention`: how long rooms keep messages, as Synapse writes it.

use std::time::Duration;

use causeway_hub::purge::{Lifetime, Retention, RetentionJob};

use super::section::Section;

/// Where the file names no job.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// None: everything is kept for good.
pub fn read(root: &Section<'_>) -> Option<Retention> {
    let section = root.section("retention");
    let enabled = section.bool("enabled", false);
    let policy = section.section("default_policy");
    let default = policy.duration("max_lifetime");
    // Says nothing of when a message has to go, and Synapse does nothing with it either.
    policy.finish_after(&["min_lifetime"]);
    let allowed = lifetime(&section, "allowed_lifetime_min", "allowed_lifetime_max");
    let mut jobs: Vec<RetentionJob> = section.sections("purge_jobs").iter().map(job).collect();
    if jobs.is_empty() {
        jobs.push(RetentionJob { every: EVERY, of: Lifetime::default() });
    }
    section.finish();
    enabled.then_some(Retention { default, allowed, jobs })
}

fn job(section: &Section<'_>) -> RetentionJob {
    let of = lifetime(section, "shortest_max_lifetime", "longest_max_lifetime");
    let mut every = section.duration("interval").unwrap_or(EVERY);
    if every < Duration::from_secs(1) {
        section.mistake("interval", "must be a second at least");
        every = EVERY;
    }
    section.finish();
    RetentionJob { every, of }
}

fn lifetime(section: &Section<'_>, min: &str, max: &str) -> Lifetime {
    let of = Lifetime { min: section.duration(min), max: section.duration(max) };
    if of.min.zip(of.max).is_some_and(|(min, max)| min > max) {
        section.mistake(min, format_args!("must not be longer than {max}"));
    }
    of
}
