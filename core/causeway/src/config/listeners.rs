//! `listeners:` as Synapse writes it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::section::Section;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Client,
    Federation,
    Media,
    Metrics,
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub addresses: Vec<SocketAddr>,
    /// certificate and key, when this listener speaks TLS
    pub tls: Option<(PathBuf, PathBuf)>,
    pub resources: Vec<Resource>,
    /// `x_forwarded`: a reverse proxy says in a header whose request it is
    pub is_behind_proxy: bool,
}

pub fn read(root: &Section<'_>, directory: &Path) -> Vec<Listener> {
    let certificate = root.string("tls_certificate_path").map(|path| directory.join(path));
    let key = root.string("tls_private_key_path").map(|path| directory.join(path));
    let sections = root.sections("listeners");
    if sections.is_empty() {
        return vec![Listener {
            addresses: vec![SocketAddr::from(([127, 0, 0, 1], 8008))],
            tls: None,
            resources: vec![Resource::Client, Resource::Federation, Resource::Media],
            is_behind_proxy: false,
        }];
    }
    sections.iter().map(|section| listener(section, certificate.as_ref().zip(key.as_ref()))).collect()
}

fn listener(section: &Section<'_>, tls: Option<(&PathBuf, &PathBuf)>) -> Listener {
    let port = section.integer("port").and_then(|port| u16::try_from(port).ok()).unwrap_or_else(|| {
        section.mistake("port", "must be a port between 0 and 65535; add a line `port: 8008`");
        0
    });
    let mut hosts = section.strings("bind_addresses");
    hosts.extend(section.string("bind_address"));
    if hosts.is_empty() {
        hosts = vec!["127.0.0.1".to_owned()];
    }
    let addresses = hosts
        .iter()
        .filter_map(|host| match host.parse::<IpAddr>() {
            Ok(address) => Some(SocketAddr::new(address, port)),
            Err(_) if host == "localhost" => Some(SocketAddr::from(([127, 0, 0, 1], port))),
            Err(_) => {
                section
                    .mistake("bind_addresses", format_args!("{host:?} is no IP address; use 0.0.0.0, :: or 127.0.0.1"));
                None
            }
        })
        .collect();
    let kind = section.string("type").unwrap_or_else(|| "http".to_owned());
    let mut resources = Vec::new();
    match kind.as_str() {
        "metrics" => resources.push(Resource::Metrics),
        "http" => {
            for resource in section.sections("resources") {
                for name in resource.strings("names") {
                    match name.as_str() {
                        "client" => resources.extend([Resource::Client, Resource::Media]),
                        "federation" => resources.push(Resource::Federation),
                        "media" => resources.push(Resource::Media),
                        "metrics" => resources.push(Resource::Metrics),
                        "health" | "openid" | "keys" | "consent" | "static" | "replication" => {
                            resource.warn("names", format_args!("resource {name:?} has no meaning of its own here"));
                        }
                        _ => resource.mistake(
                            "names",
                            format_args!("resource {name:?} is not known; use client, federation, media, metrics"),
                        ),
                    }
                }
                resource.bool("compress", false);
                resource.finish();
            }
            if resources.is_empty() {
                resources = vec![Resource::Client, Resource::Federation, Resource::Media];
            }
        }
        "manhole" => section.warn("type", "there is no manhole here; this listener is not opened"),
        other => section.mistake("type", format_args!("listener type {other:?} is not known; use http or metrics")),
    }
    let tls = match (section.bool("tls", false), tls) {
        (false, _) => None,
        (true, Some((certificate, key))) => Some((certificate.clone(), key.clone())),
        (true, None) => {
            section.mistake("tls", "needs tls_certificate_path and tls_private_key_path");
            None
        }
    };
    let is_behind_proxy = section.bool("x_forwarded", false);
    section.finish_after(&[
        "port",
        "bind_addresses",
        "bind_address",
        "type",
        "resources",
        "tls",
        "x_forwarded",
        "path",
        "mode",
        "additional_resources",
        "request_id_header",
    ]);
    Listener { addresses, tls, resources, is_behind_proxy }
}
