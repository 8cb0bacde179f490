//! Tags of rooms.

mod delete;
mod list;
mod set;

use ruma::api::client::tag;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<tag::get_tags::v3::Request, _>(list::list)
        .on::<tag::create_tag::v3::Request, _>(set::set)
        .on::<tag::delete_tag::v3::Request, _>(delete::delete)
}
