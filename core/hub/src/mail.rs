//! E-mail, over SMTP to the admin's own mail server.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

/// For one mail, from the connection on.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How the mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    Never,
    /// STARTTLS where the server offers it
    Offered,
    /// STARTTLS, or no mail
    Required,
    /// TLS from the first byte on
    Whole,
}

/// Synapse's `email`. Not `Debug`: it holds a password.
#[derive(Clone)]
pub struct MailSettings {
    pub host: String,
    pub port: u16,
    /// user and password
    pub credentials: Option<(String, String)>,
    pub tls: MailTls,
    /// whose certificate is expected
    pub tls_name: String,
    pub from: Mailbox,
    /// this hub's name in the SMTP session
    pub hello: String,
}

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Arc<Mailbox>,
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the mail can't be written")]
    Message(#[from] lettre::error::Error),
    #[error("the mail server does not take the mail")]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("the mail server does not answer within {TIMEOUT:?}")]
    Timeout,
}

/// One mail, in both of its forms.
pub struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Mailer {
    /// # Errors
    /// When the system's certificates can't be read.
    pub fn new(settings: MailSettings) -> Result<Self, MailError> {
        let parameters = || TlsParameters::new(settings.tls_name.clone());
        let tls = match settings.tls {
            MailTls::Never => Tls::None,
            MailTls::Offered => Tls::Opportunistic(parameters()?),
            MailTls::Required => Tls::Required(parameters()?),
            MailTls::Whole => Tls::Wrapper(parameters()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host)
            .port(settings.port)
            .hello_name(ClientId::Domain(settings.hello))
            .tls(tls);
        if let Some((user, password)) = settings.credentials {
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self { transport: builder.build(), from: Arc::new(settings.from) })
    }

    pub async fn send(&self, to: Address, letter: Letter) -> Result<(), MailError> {
        let message = Message::builder()
            .from((*self.from).clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .message_id(None)
            .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))?;
        // lettre's own limit is for the connection alone.
        tokio::time::timeout(TIMEOUT, self.transport.send(message)).await.map_err(|_| MailError::Timeout)??;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_mail_server_that_says_nothing_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mailer = Mailer::new(MailSettings {
            host: "127.0.0.1".to_owned(),
            port: silent.local_addr().expect("its address").port(),
            credentials: None,
            tls: MailTls::Never,
            tls_name: "mail.test".to_owned(),
            from: "hub@hub.test".parse().expect("an address"),
            hello: "hub.test".to_owned(),
        });
        let letter = Letter { subject: String::new(), text: String::new(), html: String::new() };
        let sent = mailer.expect("no TLS").send("alice@hub.test".parse().expect("an address"), letter).await;
        assert!(matches!(sent, Err(MailError::Timeout)), "{sent:?}");
    }
}
