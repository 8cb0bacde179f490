//! What others see of this server: its certificate, and where clients are told to find it.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::redirect::Policy;
use serde_json::Value;
use url::{Host, Url};
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

use super::Findings;
use crate::config::{self, Config};

const DAY: i64 = 24 * 60 * 60;
/// Seconds before its end when a certificate should have been renewed by itself (they are renewed after two thirds of 90
/// days), and when it is high time.
const DUE: i64 = 21 * DAY;
const LATE: i64 = 7 * DAY;
const PATIENCE: Duration = Duration::from_secs(5);
/// Top-level names that are nobody's in public.
const NOT_PUBLIC: [&str; 7] = ["test", "localhost", "invalid", "example", "local", "internal", "lan"];

pub async fn look(config: &Config, findings: &mut Findings) {
    if let Some((path, key)) = &config.tls
        // What does not fit is among the mistakes of the files.
        && config::certificate::read(path, key).is_ok()
    {
        let public = config.public_baseurl.as_deref().and_then(|url| Url::parse(url).ok());
        let host = public.as_ref().filter(|url| url.scheme() == "https").and_then(Url::host_str);
        let serves = config.listeners.iter().any(|listener| listener.tls);
        let now = ASN1Time::now().timestamp();
        match certificate(path, host.filter(|_| serves), now, findings) {
            Ok(()) if !serves => findings.note("certificate", "no listener has `tls: true`, so nobody sees it"),
            Ok(()) => super::served::look(config, (path, key), findings).await,
            Err(error) => findings.wrong("certificate", format!("{}: {error:#}", path.display())),
        }
    }
    let Some(base) = &config.public_baseurl else {
        let text = "is not set: clients find this server only by its address; set it to the URL that they use";
        return findings.note("public_baseurl", text);
    };
    if let Err(error) = base_url(base, findings).await {
        findings.wrong("public_baseurl", format!("{base}: {error:#}"));
    }
    discovery(config, base, findings).await;
}

fn certificate(path: &Path, host: Option<&str>, now: i64, findings: &mut Findings) -> anyhow::Result<()> {
    let text = std::fs::read(path)?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(&text).context("is no PEM")?;
    let certificate = pem.parse_x509().context("its first certificate can't be read")?;
    let (from, until) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    let mend = "renew it, and send SIGHUP to the hub";
    match until - now {
        ..=0 => findings.wrong("certificate", format!("has ended {} days ago; {mend}", (now - until) / DAY)),
        left @ ..LATE => findings.wrong("certificate", format!("ends in {} days; {mend}", left / DAY)),
        left @ ..DUE => findings.note("certificate", format!("ends in {} days; {mend}", left / DAY)),
        left if from <= now => findings.ok("certificate", format!("good for {} days", left / DAY)),
        _ => findings.wrong("certificate", "is not valid yet; set the clock right, or get another"),
    }
    let names = certificate.subject_alternative_name().ok().flatten();
    let names: Vec<&GeneralName<'_>> = names.iter().flat_map(|names| &names.value.general_names).collect();
    if let Some(host) = host
        && !names.iter().any(|name| covers(name, host))
    {
        findings.wrong("certificate", format!("is not for {host}, which public_baseurl names; get one that is"));
    }
    Ok(())
}

fn covers(name: &GeneralName<'_>, host: &str) -> bool {
    match name {
        GeneralName::DNSName(name) => match name.strip_prefix("*.") {
            Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
            None => name.eq_ignore_ascii_case(host),
        },
        GeneralName::IPAddress(bytes) => match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => address.octets() == **bytes,
            Ok(IpAddr::V6(address)) => address.octets() == **bytes,
            Err(_) => false,
        },
        _ => false,
    }
}

/// Whether a hub answers where clients are told to go.
async fn base_url(base: &str, findings: &mut Findings) -> anyhow::Result<()> {
    let url = Url::parse(base).context("is no URL; write https://host")?;
    match url.scheme() {
        "https" => {}
        "http" if is_here(&url) => findings.note("public_baseurl", format!("{base} is only for this machine")),
        "http" => findings.note("public_baseurl", format!("{base} is not encrypted; most clients want https")),
        _ => bail!("is no URL of a web server; write https://host"),
    }
    let versions = format!("{base}/_matrix/client/versions");
    match fetch(&versions).await {
        Ok(Some(answer)) if answer["versions"].is_array() => findings.ok("public_baseurl", format!("{base} answers")),
        Ok(_) => bail!("something else than a homeserver answers there; mend it, or the reverse proxy"),
        // From inside, a network may not let us out and in again.
        Err(error) => findings.note("public_baseurl", format!("{base} can't be reached from here: {error:#}")),
    }
    Ok(())
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What clients read at the server name.
async fn discovery(config: &Config, base: &str, findings: &mut Findings) {
    let host = config.server_name.host();
    let is_public =
        host.rsplit_once('.').is_some_and(|(_, top)| !NOT_PUBLIC.contains(&top)) && host.parse::<IpAddr>().is_err();
    if !is_public {
        return findings.note("well-known", format!("{host} is no public name, so nothing is looked for there"));
    }
    let place = format!("https://{host}/.well-known/matrix/client");
    match fetch(&place).await {
        Ok(answer) => match disagreement(answer.as_ref(), base) {
            None => findings.ok("well-known", format!("{place} names {base}")),
            Some(text) => findings.wrong("well-known", format!("{place} {text}")),
        },
        Err(error) => findings.note("well-known", format!("{place} can't be read from here: {error:#}")),
    }
}

/// What is wrong with a `/.well-known/matrix/client`; none: there is no such document.
fn disagreement(document: Option<&Value>, base: &str) -> Option<String> {
    let Some(document) = document else {
        return Some(format!("is not there: let it be passed on to {base}, which serves it"));
    };
    match document.pointer("/m.homeserver/base_url").and_then(Value::as_str) {
        None => Some("names no m.homeserver: let it be passed on to this hub, which serves it".to_owned()),
        Some(named) if named.trim_end_matches('/') == base => None,
        Some(named) => Some(format!("names {named}, but public_baseurl is {base}; make them the same")),
    }
}

/// None where something else than JSON is answered, or that there is nothing.
async fn fetch(url: &str) -> anyhow::Result<Option<Value>> {
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::limited(5)).build()?;
    let response = client.get(url).send().await.map_err(reqwest::Error::without_url)?;
    if !response.status().is_success() {
        return Ok(None);
    }
    Ok(response.json().await.ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Level;
    use super::*;

    #[test]
    fn discovery_has_to_name_the_public_address() {
        let base = "https://matrix.example.org";
        let named = |url: &str| json!({"m.homeserver": {"base_url": url}});
        assert_eq!(disagreement(Some(&named("https://matrix.example.org/")), base), None);
        let other = disagreement(Some(&named("https://old.example.org")), base);
        assert!(other.is_some_and(|text| text.contains("old.example.org") && text.contains(base)));
        assert!(disagreement(Some(&json!({})), base).is_some_and(|text| text.contains("no m.homeserver")));
        assert!(disagreement(None, base).is_some_and(|text| text.contains("is not there")));
    }

    #[test]
    fn certificate_has_to_last_and_to_be_for_the_public_name() {
        let made =
            rcgen::generate_simple_self_signed(["matrix.example.org".to_owned(), "*.chat.example.org".to_owned()]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), made.unwrap().cert.pem()).unwrap();
        let (from, until) = {
            let text = std::fs::read(file.path()).unwrap();
            let (_, pem) = x509_parser::pem::parse_x509_pem(&text).unwrap();
            let validity = pem.parse_x509().unwrap().validity().clone();
            (validity.not_before.timestamp(), validity.not_after.timestamp())
        };
        let found = |host: &str, now: i64| {
            let mut findings = Findings::default();
            certificate(file.path(), Some(host), now, &mut findings).unwrap();
            findings.0.into_iter().map(|finding| (finding.level, finding.text)).collect::<Vec<_>>()
        };
        let good = until - 100 * DAY;
        for host in ["matrix.example.org", "a.chat.example.org"] {
            assert_eq!(found(host, good), [(Level::Ok, "good for 100 days".to_owned())]);
        }
        for host in ["example.org", "a.b.chat.example.org", "1.2.3.4"] {
            assert!(matches!(&found(host, good)[..], [_, (Level::Wrong, text)] if text.contains(host)));
        }
        let level = |now: i64| found("matrix.example.org", now)[0].clone();
        assert_eq!(level(until - 10 * DAY).0, Level::Note);
        assert_eq!(level(until - 2 * DAY).0, Level::Wrong);
        assert!(level(until + 3 * DAY).1.contains("3 days ago"));
        assert!(level(from - DAY).1.contains("not valid yet"));
    }
}
