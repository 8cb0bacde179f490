//! From the world's free functions to a [`Connector`] value.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::thread::LocalKey;

use crate::bindings::causeway::bridge::http::Response;
use crate::bindings::causeway::bridge::net::{Conn, Event as NetEvent};
use crate::bindings::exports::causeway::bridge::connector::Guest;
use crate::capabilities::RoomFeatures;
use crate::login::{Answer, Session, Step};
use crate::remote::{HistoryPage, HistoryQuery};
use crate::{
    ChatInfo, ChatPage, Connector, Descriptor, Error, GhostInfo, Health, Init, MatrixEvent, Outcome, PortalKey,
    Resolved, Webhook, WebhookReply, log,
};

/// Exports a [`Connector`] as the component's `connector` interface. Once per plugin; natively it does nothing.
#[macro_export]
macro_rules! export {
    ($connector:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static CONNECTOR: ::std::cell::RefCell<Option<$connector>> = const { ::std::cell::RefCell::new(None) };
            }
            impl $crate::Slot for $connector {
                fn slot() -> &'static ::std::thread::LocalKey<::std::cell::RefCell<Option<Self>>> {
                    &CONNECTOR
                }
            }
            type Component = $crate::Component<$connector>;
    $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        };
    };
}

/// Where [`export!`] keeps the one value of a connector.
pub trait Slot: Connector {
    fn slot() -> &'static LocalKey<RefCell<Option<Self>>>;
}

/// The exported component of a connector.
pub struct Component<C>(PhantomData<C>);

fn with<C: Slot, R>(call: impl FnOnce(&mut C) -> R) -> R {
    C::slot().with_borrow_mut(|slot| call(slot.as_mut().expect("the host calls `start` before anything else")))
}

impl<C: Slot> Guest for Component<C> {
    fn describe() -> Descriptor {
        C::describe()
    }

    fn check_config(config: String) -> Result<(), Vec<String>> {
        C::check_config(&config)
    }

    fn start(init: Init) -> Result<(), Error> {
        std::panic::set_hook(Box::new(|panic| log::error(&panic.to_string(), &[])));
        let connector = C::start(init)?;
        C::slot().set(Some(connector));
        Ok(())
    }

    fn stop() {
        if let Some(mut connector) = C::slot().take() {
            connector.stop();
        }
    }

    fn check_health() -> (Health, String) {
        with(C::check_health)
    }

    fn login_start(process: String, flow: String, owner: String, replaces: Option<String>) -> Result<Step, Error> {
        with(|c: &mut C| c.login_start(process, flow, owner, replaces))
    }

    fn login_answer(process: String, step: String, answer: Answer) -> Result<Step, Error> {
        with(|c: &mut C| c.login_answer(process, step, answer))
    }

    fn connect(session: Session) -> Result<(), Error> {
        with(|c: &mut C| c.connect(session))
    }

    fn disconnect(login: String) {
        with(|c: &mut C| c.disconnect(login));
    }

    fn logout(login: String) -> Result<(), Error> {
        with(|c: &mut C| c.logout(login))
    }

    fn handle_matrix(events: Vec<MatrixEvent>) -> Vec<Outcome> {
        with(|c: &mut C| c.handle_matrix(events))
    }

    fn on_net(tag: String, conn: Conn, events: Vec<NetEvent>) {
        with(|c: &mut C| c.on_net(tag, conn, events));
    }

    fn on_http(token: String, answer: Result<Response, Error>) {
        with(|c: &mut C| c.on_http(token, answer));
    }

    fn on_timer(name: String) {
        with(|c: &mut C| c.on_timer(name));
    }

    fn on_webhook(webhook: Webhook) -> WebhookReply {
        with(|c: &mut C| c.on_webhook(webhook))
    }

    fn get_chat_info(login: String, portal: PortalKey) -> Result<ChatInfo, Error> {
        with(|c: &mut C| c.get_chat_info(login, portal))
    }

    fn get_ghost_info(login: String, ghost: String) -> Result<GhostInfo, Error> {
        with(|c: &mut C| c.get_ghost_info(login, ghost))
    }

    fn get_room_features(login: String, portal: PortalKey) -> RoomFeatures {
        with(|c: &mut C| c.get_room_features(login, portal))
    }

    fn fetch_history(login: String, query: HistoryQuery) -> Result<HistoryPage, Error> {
        with(|c: &mut C| c.fetch_history(login, query))
    }

    fn resolve(login: String, identifier: String, create_dm: bool) -> Result<Resolved, Error> {
        with(|c: &mut C| c.resolve(login, identifier, create_dm))
    }

    fn search(login: String, query: String) -> Result<Vec<Resolved>, Error> {
        with(|c: &mut C| c.search(login, query))
    }

    fn create_group(login: String, name: String, members: Vec<String>) -> Result<Resolved, Error> {
        with(|c: &mut C| c.create_group(login, name, members))
    }

    fn list_chats(login: String, cursor: Option<String>) -> Result<ChatPage, Error> {
        with(|c: &mut C| c.list_chats(login, cursor))
    }
}
