//! `listeners:` as Synapse writes it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::section::Section;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Client,
    Federation,
    Media,
    Metrics,
}

/// Where connections are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    /// a unix socket, with the mode of its file
    Unix(PathBuf, u32),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path, _) => path.display().fmt(f),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub addresses: Vec<Address>,
    /// speaks TLS, with the certificate of the config
    pub tls: bool,
    pub resources: Vec<Resource>,
    /// `x_forwarded`: a reverse proxy says in a header whose request it is
    pub is_behind_proxy: bool,
}

/// `tls`: there is a certificate.
pub fn read(root: &Section<'_>, directory: &Path, tls: bool) -> Vec<Listener> {
    let sections = root.sections("listeners");
    if sections.is_empty() {
        return vec![Listener {
            addresses: vec![Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 8008)))],
            tls: false,
            resources: vec![Resource::Client, Resource::Federation, Resource::Media],
            is_behind_proxy: false,
        }];
    }
    sections.iter().filter_map(|section| listener(section, directory, tls)).collect()
}

fn addresses(section: &Section<'_>, directory: &Path) -> Vec<Address> {
    if let Some(path) = section.string("path") {
        if section.get("port").is_some() {
            section.mistake("path", "a listener has a port or a path; remove one of them");
        }
        return vec![Address::Unix(directory.join(path), mode(section))];
    }
    let port = section.integer("port").and_then(|port| u16::try_from(port).ok()).unwrap_or_else(|| {
        section.mistake("port", "must be a port between 0 and 65535; add a line `port: 8008`");
        0
    });
    let mut hosts = section.strings("bind_addresses");
    hosts.extend(section.string("bind_address"));
    if hosts.is_empty() {
        section.warn("bind_addresses", "is not given, so only this machine can connect; 0.0.0.0 and :: let everybody");
        hosts = vec!["127.0.0.1".to_owned()];
    }
    let mut addresses = Vec::new();
    for host in hosts {
        match host.parse::<IpAddr>() {
            Ok(address) => addresses.push(Address::Tcp(SocketAddr::new(address, port))),
            Err(_) if host == "localhost" => addresses.push(Address::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))),
            // every address, in older configs
            Err(_) if host.is_empty() || host == "*" => {
                addresses.push(Address::Tcp(SocketAddr::from(([0, 0, 0, 0], port))));
            }
            Err(_) => section
                .mistake("bind_addresses", format_args!("{host:?} is no IP address; use 0.0.0.0, :: or 127.0.0.1")),
        }
    }
    addresses
}

/// `0o660` or `"660"`.
fn mode(section: &Section<'_>) -> u32 {
    const EVERYBODY: u32 = 0o666;
    const MOST: u32 = 0o777;
    let mode = match section.get("mode") {
        None => Some(EVERYBODY),
        Some(Value::String(text)) => u32::from_str_radix(text.trim_start_matches("0o"), 8).ok(),
        Some(Value::Number(number)) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Some(_) => None,
    };
    mode.filter(|mode| *mode <= MOST).unwrap_or_else(|| {
        section.mistake("mode", "must be the mode of a socket's file; put it in quotes, as \"660\"");
        EVERYBODY
    })
}

/// None for one that is not opened.
fn listener(section: &Section<'_>, directory: &Path, has_certificate: bool) -> Option<Listener> {
    let addresses = addresses(section, directory);
    let kind = section.string("type").unwrap_or_else(|| "http".to_owned());
    let mut resources = Vec::new();
    match kind.as_str() {
        "metrics" => resources.push(Resource::Metrics),
        "http" => {
            let listed = section.sections("resources");
            if listed.is_empty() {
                resources = vec![Resource::Client, Resource::Federation, Resource::Media];
            }
            for resource in listed {
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
                section.warn("resources", "none of them has a meaning here; this listener is not opened");
            }
        }
        "manhole" => section.warn("type", "there is no manhole here; this listener is not opened"),
        other => section.mistake("type", format_args!("listener type {other:?} is not known; use http or metrics")),
    }
    let tls = section.bool("tls", false);
    if tls && !has_certificate {
        section.mistake("tls", "needs tls_certificate_path and tls_private_key_path");
    }
    if tls && addresses.iter().any(|address| matches!(address, Address::Unix(..))) {
        section.mistake("tls", "a unix socket speaks no TLS; remove this line");
    }
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
    (!resources.is_empty()).then_some(Listener { addresses, tls, resources, is_behind_proxy })
}
