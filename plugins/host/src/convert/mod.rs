//! Between the WIT package's newest version and the engine's plain types. Each published version gets a folder like
//! this one; the rest of the host knows only the engine's types.

mod capabilities;
mod content;
mod login;
mod matrix;
mod remote;

use causeway_bindings::v0_1::causeway::bridge as wit;
use causeway_bindings::v0_1::exports::causeway::bridge::connector as guest;
use causeway_engine::connector as engine;

/// As `Into`, for two types that both belong to other crates.
pub trait Convert<T> {
    fn convert(self) -> T;
}

impl<A: Convert<B>, B> Convert<Option<B>> for Option<A> {
    fn convert(self) -> Option<B> {
        self.map(Convert::convert)
    }
}

impl<A: Convert<B>, B> Convert<Vec<B>> for Vec<A> {
    fn convert(self) -> Vec<B> {
        self.into_iter().map(Convert::convert).collect()
    }
}

impl<A: Convert<B>, B, C: Convert<D>, D> Convert<(B, D)> for (A, C) {
    fn convert(self) -> (B, D) {
        (self.0.convert(), self.1.convert())
    }
}

macro_rules! same {
    ($($type:ty),* $(,)?) => {$(
        impl Convert<$type> for $type {
            fn convert(self) -> $type {
                self
            }
        }
    )*};
}
same!(String, bool, u16, u32, u64, i32, i64, f64);

/// Records whose fields have the same names on both sides.
macro_rules! records {
    ($($from:ty => $to:ty { $($field:ident),* $(,)? })*) => {$(
        impl $crate::convert::Convert<$to> for $from {
            fn convert(self) -> $to {
                type To = $to;
                To { $($field: $crate::convert::Convert::convert(self.$field)),* }
            }
        }
    )*};
}

/// Enums whose cases have the same names on both sides.
macro_rules! enums {
    ($($from:ty => $to:ty { $($case:ident),* $(,)? })*) => {$(
        impl $crate::convert::Convert<$to> for $from {
            fn convert(self) -> $to {
                type From = $from;
                type To = $to;
                match self { $(From::$case => To::$case),* }
            }
        }
    )*};
}
use {enums, records};

macro_rules! ids {
    ($($id:ident),*) => {$(
        impl Convert<engine::$id> for String {
            fn convert(self) -> engine::$id {
                engine::$id(self)
            }
        }

        impl Convert<String> for engine::$id {
            fn convert(self) -> String {
                self.0
            }
        }
    )*};
}
ids!(LoginId, PortalId, GhostId, MessageId);

records! {
    wit::ids::PortalKey => engine::PortalKey { id, receiver }
    engine::PortalKey => wit::ids::PortalKey { id, receiver }
    wit::ids::MessageRef => engine::MessageRef { id, part }
    engine::MessageRef => wit::ids::MessageRef { id, part }
    wit::ids::Error => engine::RemoteError { kind, message, retry_after_ms }
    engine::RemoteError => wit::ids::Error { kind, message, retry_after_ms }
}

enums! {
    wit::ids::ErrorKind => engine::ErrorKind {
        BadRequest, NotFound, Unsupported, Forbidden, NotLoggedIn, BadCredentials, RateLimited, TooLarge, Network,
        Timeout, Conflict, Quota, Internal,
    }
    engine::ErrorKind => wit::ids::ErrorKind {
        BadRequest, NotFound, Unsupported, Forbidden, NotLoggedIn, BadCredentials, RateLimited, TooLarge, Network,
        Timeout, Conflict, Quota, Internal,
    }
}
