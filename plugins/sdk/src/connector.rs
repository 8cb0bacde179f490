use crate::bindings::causeway::bridge::http::Response;
use crate::bindings::causeway::bridge::net::{Conn, Event as NetEvent};
use crate::capabilities::RoomFeatures;
use crate::login::{Answer, Session, Step};
use crate::remote::{HistoryPage, HistoryQuery};
use crate::{
    ChatInfo, Descriptor, Error, GhostInfo, Health, Init, MatrixEvent, Outcome, PortalKey, Resolved, Webhook,
    WebhookReply,
};

/// A page of a login's chats, and the cursor of the next page if there is one.
pub type ChatPage = (Vec<(PortalKey, ChatInfo)>, Option<String>);

/// One remote network. Each login has a value of its own (and the bridge itself has one, for logging in and for
/// webhooks); calls come one at a time. Only the methods without a body have to be written.
///
/// Every call but `describe` and `check_config` is a delivery: its effects commit when it returns, and a panic drops
/// all of them and the value with it; the call is then made again on a new value.
#[expect(unused_variables, reason = "the names document the arguments of methods that do nothing by default")]
pub trait Connector: Sized + 'static {
    /// What the plugin is. Pure: no host function but `log` may be called.
    fn describe() -> Descriptor;

    /// Checks a bridge's config (one JSON document) before it is used; all mistakes at once. Pure as `describe` is.
    fn check_config(config: &str) -> Result<(), Vec<String>> {
        Ok(())
    }

    /// Makes the value from what is in `kv`: after install, a restart, a trap, an upgrade or a while of idleness.
    /// `init.connections` lists those that stayed open. It does not connect: [`connect`](Self::connect) does.
    fn start(init: Init) -> Result<Self, Error>;

    /// The last call on this value, where there is time for one. Connections may outlive it.
    fn stop(&mut self) {}

    /// Asks for a sign of life. [`Health::Ok`] of a login: the network was asked, and its answer will be a report that the
    /// login is connected. The host asks when another login heard something in a shared chat and this one did not.
    fn check_health(&mut self) -> (Health, String) {
        (Health::Ok, String::new())
    }

    /// Begins logging in; `process` names this attempt in the calls that follow. In the bridge's own value.
    fn login_start(
        &mut self,
        process: String,
        flow: String,
        owner: String,
        replaces: Option<String>,
    ) -> Result<Step, Error> {
        Err(Error::unsupported())
    }

    /// The user's answer to a step; `Action::Complete` in the result makes the login.
    fn login_answer(&mut self, process: String, step: String, answer: Answer) -> Result<Step, Error> {
        Err(Error::unsupported())
    }

    /// First login, enable, and each start of the hub: open the connections and return at once.
    fn connect(&mut self, session: Session) -> Result<(), Error> {
        Ok(())
    }

    /// The login goes to sleep or away; the host closes its connections afterwards.
    fn disconnect(&mut self, login: String) {}

    /// The user logs out: tell the network. The host then removes the login's key-values.
    fn logout(&mut self, login: String) -> Result<(), Error> {
        Ok(())
    }

    /// What Matrix users did, in order; one outcome for each.
    fn handle_matrix(&mut self, events: Vec<MatrixEvent>) -> Vec<Outcome>;

    fn on_net(&mut self, tag: String, conn: Conn, events: Vec<NetEvent>) {}

    /// The answer to `http::start` with this token.
    fn on_http(&mut self, token: String, answer: Result<Response, Error>) {}

    fn on_timer(&mut self, name: String) {}

    fn on_webhook(&mut self, webhook: Webhook) -> WebhookReply {
        WebhookReply { status: 404, headers: Vec::new(), body: Vec::new() }
    }

    fn get_chat_info(&mut self, login: String, portal: PortalKey) -> Result<ChatInfo, Error> {
        Err(Error::unsupported())
    }

    fn get_ghost_info(&mut self, login: String, ghost: String) -> Result<GhostInfo, Error> {
        Err(Error::unsupported())
    }

    fn get_room_features(&mut self, login: String, portal: PortalKey) -> RoomFeatures;

    fn fetch_history(&mut self, login: String, query: HistoryQuery) -> Result<HistoryPage, Error> {
        Err(Error::unsupported())
    }

    /// What a person typed (`#channel`, a nick, a phone number) to a ghost, and to its chat if there is one.
    fn resolve(&mut self, login: String, identifier: String, create_dm: bool) -> Result<Resolved, Error> {
        Err(Error::unsupported())
    }

    fn search(&mut self, login: String, query: String) -> Result<Vec<Resolved>, Error> {
        Err(Error::unsupported())
    }

    fn create_group(&mut self, login: String, name: String, members: Vec<String>) -> Result<Resolved, Error> {
        Err(Error::unsupported())
    }

    fn list_chats(&mut self, login: String, cursor: Option<String>) -> Result<ChatPage, Error> {
        Err(Error::unsupported())
    }
}
