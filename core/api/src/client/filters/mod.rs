//! Filters.

mod define;
mod get;

use ruma::api::client::filter;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<filter::create_filter::v3::Request, _>(define::define)
        .on::<filter::get_filter::v3::Request, _>(get::get)
}
