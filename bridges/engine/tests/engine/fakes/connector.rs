use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use causeway_engine::connector::*;

/// Answers what it is told to, and keeps what it was offered.
pub struct FakeConnector {
    descriptor: Descriptor,
    pub offered: Mutex<Vec<MatrixEvent>>,
    pub answers: Mutex<Vec<Outcome>>,
    pub health: Mutex<Health>,
    /// logins that were asked for a sign of life
    pub asked: Mutex<Vec<LoginId>>,
    pub services: Mutex<Option<Arc<dyn Services>>>,
    /// its Store sleeps: each call wakes it first
    pub sleeps: AtomicBool,
    /// what it says instead of connecting
    pub refuses: Mutex<Option<RemoteError>>,
}

impl Default for FakeConnector {
    fn default() -> Self {
        let flow = Flow { id: "nick".into(), name: "Nick".into(), description: "with a nick".into() };
        let descriptor = Descriptor {
            protocol: "irc".into(),
            name: "IRC".into(),
            url: "https://example.org".into(),
            icon: None,
            features: NetworkFeatures::default(),
            flows: vec![flow],
            config_schema: "{}".into(),
            state_version: 1,
        };
        Self {
            descriptor,
            offered: Mutex::default(),
            answers: Mutex::default(),
            health: Mutex::new(Health::Ok),
            asked: Mutex::default(),
            services: Mutex::default(),
            sleeps: AtomicBool::default(),
            refuses: Mutex::default(),
        }
    }
}

fn field(id: &str, secret: bool) -> InputField {
    InputField {
        id: id.into(),
        kind: InputKind::Text,
        name: id.into(),
        description: String::new(),
        default_value: None,
        pattern: None,
        options: vec![],
        secret,
    }
}

fn unsupported<T>() -> Result<T, CallError> {
    Err(CallError::Remote(RemoteError {
        kind: ErrorKind::Unsupported,
        message: "not here".into(),
        retry_after_ms: None,
    }))
}

#[async_trait]
impl Connector for FakeConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
    async fn login_start(&self, _: &str, _: &str, _: &str, _: Option<&LoginId>) -> Result<Step, CallError> {
        let action = Action::UserInput(vec![field("nick", false), field("password", true)]);
        Ok(Step { id: "fields".into(), instructions: String::new(), action })
    }
    async fn login_answer(&self, _: &str, _: &str, answer: Answer) -> Result<Step, CallError> {
        let Answer::Fields(fields) = answer else { return unsupported() };
        let nick = fields.into_iter().find(|(id, _)| id == "nick").map(|(_, nick)| nick).unwrap_or_default();
        let complete = Complete {
            login: nick.as_str().into(),
            ghost: Some(nick.as_str().into()),
            remote_name: nick,
            profile: Profile::default(),
        };
        Ok(Step { id: "done".into(), instructions: String::new(), action: Action::Complete(complete) })
    }
    async fn connect(&self, _: &Session) -> Result<(), CallError> {
        self.refuses.lock().unwrap().clone().map_or(Ok(()), |error| Err(error.into()))
    }
    async fn disconnect(&self, _: &LoginId) -> Result<(), CallError> {
        Ok(())
    }
    async fn logout(&self, _: &LoginId) -> Result<(), CallError> {
        Ok(())
    }
    async fn check_health(&self, login: &LoginId) -> Result<(Health, String), CallError> {
        self.asked.lock().unwrap().push(login.clone());
        Ok((*self.health.lock().unwrap(), String::new()))
    }
    async fn handle_matrix(&self, login: &LoginId, events: Vec<MatrixEvent>) -> Result<Vec<Outcome>, CallError> {
        let outcomes: Vec<Outcome> = {
            let mut answers = self.answers.lock().unwrap();
            events.iter().map(|_| if answers.is_empty() { Outcome::Done } else { answers.remove(0) }).collect()
        };
        let effects = Effects {
            outcomes: events.iter().map(|event| event.id.clone()).zip(outcomes.iter().cloned()).collect(),
            ..Effects::default()
        };
        self.offered.lock().unwrap().extend(events);
        let services = self.services.lock().unwrap().clone().unwrap();
        let store = StoreId { bridge: "irc".into(), login: Some(login.clone()) };
        if self.sleeps.load(Ordering::Relaxed) {
            services.revived(&store);
        }
        services.commit(&store, effects).await.map_err(|_| CallError::Failed { reason: "commit" })?;
        Ok(outcomes)
    }
    async fn chat_info(&self, _: &LoginId, _: &PortalKey) -> Result<ChatInfo, CallError> {
        unsupported()
    }
    async fn ghost_info(&self, _: &LoginId, _: &GhostId) -> Result<GhostInfo, CallError> {
        unsupported()
    }
    async fn room_features(&self, _: &LoginId, _: &PortalKey) -> Result<RoomFeatures, CallError> {
        unsupported()
    }
    async fn fetch_history(&self, _: &LoginId, _: HistoryQuery) -> Result<HistoryPage, CallError> {
        unsupported()
    }
    async fn resolve(&self, _: &LoginId, identifier: &str, _: bool) -> Result<Resolved, CallError> {
        let ghost = GhostInfo { id: "".into(), name: None, avatar: None, is_bot: false, identifiers: vec![] };
        Ok(Resolved { ghost, chat: Some(PortalKey { id: identifier.into(), receiver: None }), info: None })
    }
    async fn search(&self, _: &LoginId, _: &str) -> Result<Vec<Resolved>, CallError> {
        unsupported()
    }
    async fn create_group(&self, _: &LoginId, _: &str, _: Vec<GhostId>) -> Result<Resolved, CallError> {
        unsupported()
    }
}
