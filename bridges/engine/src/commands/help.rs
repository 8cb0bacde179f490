//! `help`

use crate::bridge::Bridge;

pub(super) fn run() -> String {
    "login [way] – log in to the network\n\
     logout [login] – end a login\n\
     list – your logins and chats\n\
     join CHAT – join or start a chat (a channel, a nick, a number)\n\
     retry [EVENT or all] – what did not arrive, or may not have; sends it once more\n\
     ping – whether your logins are connected\n\
     cancel – end what I am asking you"
        .into()
}

pub(crate) fn welcome(bridge: &Bridge) -> String {
    let network = bridge.connector().map_or_else(|| bridge.id.to_string(), |c| c.descriptor().name.clone());
    format!("This is the bridge to {network}. `login` begins; `help` lists all that I do.")
}
