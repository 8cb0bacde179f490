//! The host's side of the WIT package, one module per published version. The only crate with `bindgen!`: an edit
//! here costs most of a minute, so it holds nothing else.

/// `causeway:bridge@0.1.0`.
#[allow(clippy::all, reason = "generated code")]
pub mod v0_1 {
    /// What stands behind the guest's `media.blob` handles.
    pub struct Blob {
        pub data: Vec<u8>,
    }

    /// What stands behind the guest's `media.writer` handles.
    pub struct Writer {
        pub file_name: String,
        pub mime: String,
        pub data: Vec<u8>,
    }

    wasmtime::component::bindgen!({
        path: "../wit/v0.1",
        world: "connector-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "causeway:bridge/media.blob": Blob,
            "causeway:bridge/media.writer": Writer,
        },
    });
}
