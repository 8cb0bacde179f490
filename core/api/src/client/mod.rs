//! `/_matrix/client` and `/_matrix/media`, folder by folder.

mod account;
mod directory;
mod room;
mod sync;
mod versions;

use ruma::api::client::discovery::get_supported_versions;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.on::<get_supported_versions::Request, _>(versions::versions);
    let routes = account::routes(routes);
    let routes = room::routes(routes);
    let routes = directory::routes(routes);
    sync::routes(routes)
}
