//! Which endpoints of the Matrix specification a running hub serves: each row of `endpoints.tsv` is asked for, without
//! a token. What nobody serves is answered `M_UNRECOGNIZED`, everything else in some other way.

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::Value;

use crate::Hub;
use crate::tools::http_client;

const TABLE: &str = include_str!("../endpoints.tsv");

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `client-server`, `server-server`, or `msc` for what is in no release yet
    pub api: String,
    pub method: Method,
    pub path: String,
    /// the specification's chapter
    pub module: String,
}

/// The rows that a homeserver serves and that a request can tell: it is the caller in the other APIs, and what only
/// adds a parameter or a key has no route of its own.
pub fn endpoints() -> Result<Vec<Endpoint>> {
    let mut found = Vec::new();
    for line in TABLE.lines().skip(1) {
        let [api, method, path, _, _, _, _, module, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("a row of endpoints.tsv has not nine columns: {line}");
        };
        let is_served = ["client-server", "server-server", "msc"].contains(&api) && !path.starts_with("/_matrix/app/");
        if is_served && !path.contains(['?', '[']) {
            found.push(Endpoint {
                api: api.to_owned(),
                method: method.parse().with_context(|| format!("the method of {line}"))?,
                path: path.to_owned(),
                module: module.to_owned(),
            });
        }
    }
    Ok(found)
}

/// Each endpoint, and whether the hub serves it.
pub async fn probe(hub: &Hub) -> Result<Vec<(Endpoint, bool)>> {
    let http = http_client()?;
    let mut probed = Vec::new();
    for endpoint in endpoints()? {
        let path: Vec<&str> =
            endpoint.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let url = format!("{}{}", hub.url(), path.join("/"));
        let response = http.request(endpoint.method.clone(), &url).body("{}").send().await?;
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap_or_default();
        let is_served = answer["errcode"] != "M_UNRECOGNIZED";
        ensure!(
            is_served || status == 404 || status == 405,
            "{} {} is not served and answers {status} {answer}",
            endpoint.method,
            endpoint.path
        );
        ensure!(!is_served || status != 405, "{} {} answers 405 {answer}", endpoint.method, endpoint.path);
        probed.push((endpoint, is_served));
    }
    Ok(probed)
}
