//! What `wit-bindgen` makes of the world; plugin authors use the modules beside this one.
#![allow(clippy::all, reason = "generated code")]
#![allow(unsafe_code, reason = "generated code: the calls over the component boundary")]

wit_bindgen::generate!({
    path: "../wit/v0.1",
    world: "connector-plugin",
    generate_unused_types: true,
    additional_derives: [PartialEq],
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "causeway_sdk::bindings",
});
