//! One scenario: a runtime of its own, an upper limit, and what it last saw when it fails.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Generous, since it only costs time when something hangs: on two busy cores the longest takes a quarter of it.
const LIMIT: Duration = Duration::from_secs(300);
/// For what a scenario that is ended has still to stop.
const END: Duration = Duration::from_secs(20);

tokio::task_local! {
    static SEEN: Arc<Seen>;
}

/// What is known of a scenario from outside.
#[derive(Default)]
pub(crate) struct Seen {
    last: Mutex<String>,
    /// the ends of the logs of hubs that have stopped
    logs: Mutex<Vec<String>>,
}

impl Seen {
    /// Of the scenario that this is called in; one of its own where there is none.
    pub fn current() -> Arc<Self> {
        SEEN.try_with(Arc::clone).unwrap_or_default()
    }

    pub fn add_log(&self, text: String) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn logs(&self) -> String {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

/// Notes what the scenario is doing or waiting for, to be shown if it goes no further.
pub fn saw(text: impl Into<String>) {
    *Seen::current().last.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
}

/// The future as a part of the present scenario, for tasks that it spawns.
pub fn watched<F: Future>(future: F) -> impl Future<Output = F::Output> {
    SEEN.scope(Seen::current(), future)
}

/// Runs a scenario to its end.
///
/// # Errors
/// Its own; or, when it takes longer than five minutes, what it last saw. The ends of its hubs' logs are printed.
pub fn scenario(run: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    run_within(LIMIT, run)
}

fn run_within(limit: Duration, run: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("making the scenario's runtime")?;
    let seen = Arc::<Seen>::default();
    let mut task = runtime.spawn(SEEN.scope(Arc::clone(&seen), run));
    let ended = runtime.block_on(async {
        match tokio::time::timeout(limit, &mut task).await {
            Ok(ended) => Some(ended),
            Err(_) => {
                task.abort();
                // Its servers stop as it is dropped.
                let _ = tokio::time::timeout(END, &mut task).await;
                None
            }
        }
    });
    runtime.shutdown_background();
    match ended {
        Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => {
            eprintln!("{error:#}\n{}", seen.logs());
            Err(error)
        }
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => {
                eprintln!("{}", seen.logs());
                std::panic::resume_unwind(panic)
            }
            Err(error) => Err(error).context("the scenario was ended"),
        },
        None => {
            eprintln!("{}", seen.logs());
            bail!("the scenario took longer than {limit:?}; it last saw: {}", seen.last())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenario_that_hangs_is_ended_and_says_what_it_last_saw() {
        let stuck = run_within(Duration::from_millis(50), async {
            let task = tokio::spawn(watched(async { saw("three of four ships") }));
            task.await?;
            std::future::pending().await
        });
        let error = stuck.expect_err("it hangs").to_string();
        assert!(error.contains("longer than 50ms; it last saw: three of four ships"), "{error}");
    }

    #[test]
    fn scenario_that_fails_keeps_its_error() {
        let failed = run_within(LIMIT, async { bail!("the ship is late") });
        assert_eq!(format!("{:#}", failed.expect_err("it fails")), "the ship is late");
    }
}
