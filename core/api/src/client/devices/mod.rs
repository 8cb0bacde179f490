//! Devices.

mod delete;
mod delete_many;
mod get;
mod list;
mod put;

use causeway_store::DeviceRow;
use ruma::api::client::device;
use serde_json::{Value, json};

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<device::get_devices::v3::Request, _>(list::list)
        .on::<device::get_device::v3::Request, _>(get::get)
        .on::<device::update_device::v3::Request, _>(put::put)
        .on::<device::delete_device::v3::Request, _>(delete::delete)
        .on::<device::delete_devices::v3::Request, _>(delete_many::delete_many)
}

fn describe(device: &DeviceRow) -> Value {
    let mut answer = json!({ "device_id": device.device_id });
    if let Some(name) = &device.display_name {
        answer["display_name"] = name.as_str().into();
    }
    if let Some(seen) = device.last_seen {
        answer["last_seen_ts"] = seen.into();
    }
    answer
}
