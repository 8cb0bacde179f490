//! The content repository. `/_matrix/client/v1/media` wants a token, the older `/_matrix/media` paths do not.

mod announce;
mod config;
mod download;
mod preview;
mod serve;
mod thumbnail;
mod upload;

use ruma::api::client::{authenticated_media as authenticated, media as open};

use crate::Routes;

#[expect(deprecated, reason = "bridges of the field use the older paths")]
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<open::create_content::v3::Request, _>(upload::upload)
        .on::<open::create_content_async::v3::Request, _>(upload::upload_announced)
        .on::<open::create_mxc_uri::v1::Request, _>(announce::announce)
        .on::<authenticated::get_media_config::v1::Request, _>(config::config)
        .on::<open::get_media_config::v3::Request, _>(config::config)
        .on::<authenticated::get_content::v1::Request, _>(download::download)
        .on::<authenticated::get_content_as_filename::v1::Request, _>(download::download)
        .on::<authenticated::get_content_thumbnail::v1::Request, _>(thumbnail::thumbnail)
        .on::<authenticated::get_media_preview::v1::Request, _>(preview::preview)
        .on::<open::get_media_preview::v3::Request, _>(preview::preview)
        .on::<open::get_content::v3::Request, _>(download::download_openly)
        .on::<open::get_content_as_filename::v3::Request, _>(download::download_openly)
        .on::<open::get_content_thumbnail::v3::Request, _>(thumbnail::thumbnail_openly)
}
