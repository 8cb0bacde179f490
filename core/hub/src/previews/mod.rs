//! What a client shows of a link (client-server API, "Content repository", `preview_url`), as Synapse answers it: the
//! page's OpenGraph data, with its image in the media repository.

mod fetch;
mod html;
mod oembed;
mod summary;
mod url_pattern;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_store::{Commit, Store, forget_preview_media, put_preview_media};
use ruma::UserId;
use serde_json::{Map, Value, json};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use self::fetch::{Fetched, Kind};
use crate::media::{Media, SaveError};
use crate::outbound::Outbound;
use crate::time::now_ms;

pub use fetch::REQUEST;
pub use url_pattern::{UrlPart, UrlPattern};

/// A page is asked for again after this, one that could not be shown sooner.
const FRESH: Duration = Duration::from_secs(60 * 60);
const FRESH_FAILURE: Duration = Duration::from_secs(60);
/// Previews that are remembered.
const REMEMBERED: usize = 500;
/// Bytes of a URL.
const LONGEST_URL: usize = 4_096;
/// Pages that are fetched at the same time.
const AT_ONCE: usize = 16;
/// For one preview, its image included.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Images are kept so long, since clients show them for a while; looked after so often.
const KEPT: i64 = 2 * 24 * 60 * 60 * 1000;
const LOOK: Duration = Duration::from_secs(60 * 60);
/// What is longer is left out.
const LONGEST_KEY: usize = 50;
const LONGEST_VALUE: usize = 1_000;

/// Synapse's `url_preview_…`.
#[derive(Clone, Debug)]
pub struct PreviewSettings {
    /// each: what a URL may not be, when all of its parts match
    pub denied_urls: Vec<Vec<UrlPattern>>,
    /// bytes of a page or an image
    pub max_size: u64,
    pub accept_language: String,
}

/// Why there is no preview. Clonable, so that it can be remembered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// 400 `M_INVALID_PARAM`
    #[error("this is no http or https URL")]
    NoUrl,
    /// 403 `M_UNKNOWN`
    #[error("this URL is not previewed here")]
    DeniedUrl,
    /// 403 `M_UNKNOWN`
    #[error("this address may not be reached from here")]
    DeniedAddress,
    /// 502 `M_TOO_LARGE`
    #[error("what is there is larger than {0} bytes")]
    TooLarge(u64),
    /// 502 `M_UNKNOWN`
    #[error("the page can't be had: {0}")]
    Failed(String),
    /// 500 `M_UNKNOWN`
    #[error("the preview can't be kept: {0}")]
    Kept(String),
}

type Answer = Result<Arc<Map<String, Value>>, PreviewError>;

struct Slot {
    begun: Instant,
    answer: OnceCell<Answer>,
}

/// All previews. Cheap to clone.
#[derive(Clone)]
pub struct Previews {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    media: Media,
    outbound: Outbound,
    settings: PreviewSettings,
    known: Mutex<HashMap<String, Arc<Slot>>>,
    at_once: Semaphore,
}

impl Previews {
    /// Also looks after old images, until the runtime ends. Must be called within one.
    pub fn start(store: Store, media: Media, outbound: Outbound, settings: PreviewSettings) -> Self {
        let (known, at_once) = (Mutex::default(), Semaphore::new(AT_ONCE));
        let previews = Self { inner: Arc::new(Inner { store, media, outbound, settings, known, at_once }) };
        tokio::spawn(forget_images(previews.clone()));
        previews
    }

    /// For somebody who asks; whoever asks for the same waits for the same answer.
    pub async fn preview(&self, user_id: &UserId, url: &str) -> Answer {
        if url.len() > LONGEST_URL {
            return Err(PreviewError::NoUrl);
        }
        let slot = self.inner.slot(url);
        let make = async {
            let Ok(_turn) = self.inner.at_once.acquire().await else {
                return Err(PreviewError::Failed("the hub ends".to_owned()));
            };
            let made = tokio::time::timeout(TIMEOUT, self.inner.make(user_id, url)).await;
            made.unwrap_or_else(|_| Err(PreviewError::Failed(format!("it took longer than {TIMEOUT:?}"))))
        };
        slot.answer.get_or_init(|| make).await.clone()
    }

    /// Removes images that were stored for previews before a time, in milliseconds since the Unix epoch.
    pub async fn forget_images_before(&self, time: i64) -> Result<(), SaveError> {
        for media_id in self.inner.store.preview_media_before(time).await? {
            self.inner.media.remove_files(&media_id).await?;
            self.inner.store.commit(Commit::of(forget_preview_media(&media_id))).await?;
        }
        Ok(())
    }
}

impl Slot {
    fn is_fresh(&self) -> bool {
        let limit = if matches!(self.answer.get(), Some(Err(_))) { FRESH_FAILURE } else { FRESH };
        self.begun.elapsed() < limit
    }
}

impl Inner {
    fn slot(&self, url: &str) -> Arc<Slot> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.get(url).filter(|slot| slot.is_fresh()) {
            return Arc::clone(slot);
        }
        if known.len() >= REMEMBERED {
            known.retain(|_, slot| slot.is_fresh());
        }
        while known.len() >= REMEMBERED {
            let oldest = known.iter().min_by_key(|(_, slot)| slot.begun).map(|(url, _)| url.clone());
            oldest.and_then(|url| known.remove(&url));
        }
        let slot = Arc::new(Slot { begun: Instant::now(), answer: OnceCell::new() });
        known.insert(url.to_owned(), Arc::clone(&slot));
        slot
    }

    async fn make(&self, user_id: &UserId, url: &str) -> Answer {
        let url = Url::parse(url).map_err(|_| PreviewError::NoUrl)?;
        let page = self.fetch(url.clone(), &[Kind::Html, Kind::Image, Kind::Json]).await?;
        let mut shown = match page.kind {
            Kind::Image => {
                let name = page.file_name();
                let mut shown = self.keep_image(user_id, page).await?;
                if let Some(name) = name {
                    shown.insert("og:description".to_owned(), name.into());
                }
                shown
            }
            Kind::Html => self.show_page(user_id, &url, page).await?,
            Kind::Json => Map::new(),
        };
        shown.retain(|key, value| key.len() <= LONGEST_KEY && value.as_str().map_or(0, str::len) <= LONGEST_VALUE);
        Ok(Arc::new(shown))
    }

    async fn show_page(&self, user_id: &UserId, url: &Url, page: Fetched) -> Result<Map<String, Value>, PreviewError> {
        let (base, text) = (page.url.clone(), self.text(page).await?);
        let read = tokio::task::spawn_blocking(move || html::read(&text)).await;
        let read = read.map_err(|_| PreviewError::Failed("it can't be read".to_owned()))?;
        let (mut shown, mut author) = (Map::new(), None);
        if let Some(place) = read.oembed.as_deref().and_then(|place| base.join(place).ok()) {
            // What goes wrong there leaves the page as it is.
            if let Ok(told) = self.oembed(url, place).await {
                (shown, author) = (told.shown, told.author);
            }
        }
        shown.extend(read.shown);
        if !shown.contains_key("og:title")
            && let Some(author) = author
        {
            shown.insert("og:title".to_owned(), author.into());
        }
        let image = shown.remove("og:image").and_then(|image| base.join(image.as_str()?).ok());
        if let Some(image) = image
            && let Ok(image) = self.fetch(image, &[Kind::Image]).await
        {
            match self.keep_image(user_id, image).await {
                Ok(image) => shown.extend(image),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "a preview has no image"),
            }
        }
        Ok(shown)
    }

    async fn oembed(&self, url: &Url, place: Url) -> Result<oembed::Told, PreviewError> {
        let told = self.fetch(place, &[Kind::Json]).await?;
        let text = self.text(told).await?;
        Ok(oembed::read(url.as_str(), &text))
    }

    /// Stores an image for as long as previews are shown; what is said of it.
    async fn keep_image(&self, user_id: &UserId, image: Fetched) -> Result<Map<String, Value>, PreviewError> {
        let (content_type, limit) = (image.content_type.clone(), self.settings.max_size);
        let media_id = match self.media.save(user_id, image.into_file(limit)).await {
            Ok(media_id) => media_id,
            // The only end that is not the far end's own is the limit's.
            Err(SaveError::EndedEarly | SaveError::TooLarge(_)) => return Err(PreviewError::TooLarge(limit)),
            Err(error) => return Err(PreviewError::Kept(error.to_string())),
        };
        let kept = |error: &dyn std::error::Error| PreviewError::Kept(error.to_string());
        let statement = put_preview_media(&media_id, now_ms());
        self.store.commit(Commit::of(vec![statement])).await.map_err(|error| kept(&error))?;
        let (size, sides) = self.media.describe_image(&media_id).await.map_err(|error| kept(&error))?;
        let uri = format!("mxc://{}/{media_id}", self.media.server_name());
        let mut shown = Map::new();
        shown.insert("og:image".to_owned(), uri.into());
        shown.insert("og:image:type".to_owned(), content_type.into());
        shown.insert("matrix:image:size".to_owned(), size.into());
        if let Some((width, height)) = sides {
            shown.insert("og:image:width".to_owned(), json!(width));
            shown.insert("og:image:height".to_owned(), json!(height));
        }
        Ok(shown)
    }
}

/// Until the runtime ends.
async fn forget_images(previews: Previews) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        if let Err(error) = previews.forget_images_before(now_ms() - KEPT).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old images of previews can't be removed");
        }
    }
}
