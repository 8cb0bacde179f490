//! What is measured: our hub, or the peer under the same requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use causeway_blackbox::{Database, Hub, HubOptions};
use causeway_emulators::postgres::Postgres;

use crate::resources;
use crate::synapse::Synapse;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Causeway,
    Synapse,
}

/// Which server on which database.
#[derive(Clone)]
pub struct Ground {
    pub kind: Kind,
    pub database: Database,
    /// one for the whole run, with fsync
    pub postgres: Option<Arc<Postgres>>,
    /// of the disk under the database, measured at the start
    pub syncs_per_second: f64,
}

impl Ground {
    /// Fewer of the same for the slower peer.
    pub fn scaled(&self, count: usize) -> usize {
        match self.kind {
            Kind::Causeway => count,
            Kind::Synapse => count.div_ceil(8),
        }
    }

    /// By database: goals of SQLite and of PostgreSQL.
    pub fn goal(&self, sqlite: f64, postgres: f64) -> f64 {
        match self.database {
            Database::Sqlite => sqlite,
            Database::Postgres => postgres,
        }
    }
}

enum Process {
    Causeway(Hub),
    Synapse(Synapse),
}

pub struct Server {
    process: Process,
    ground: Ground,
    url: Option<String>,
}

impl Server {
    pub async fn start(ground: &Ground, registrations: &[PathBuf], metrics: bool) -> Result<Self> {
        let url = ground.postgres.as_ref().map(|server| server.database()).transpose()?;
        let process = match ground.kind {
            Kind::Causeway => {
                let files: Vec<String> = registrations.iter().map(|file| format!("{:?}", file.display())).collect();
                let config = format!("app_service_config_files: [{}]\n", files.join(", "));
                let options = HubOptions { database: url.clone(), config, metrics, ..HubOptions::default() };
                Process::Causeway(Hub::start(options).await?)
            }
            Kind::Synapse => Process::Synapse(Synapse::start(url.as_deref(), registrations).await?),
        };
        Ok(Self { process, ground: ground.clone(), url })
    }

    pub fn kind(&self) -> Kind {
        self.ground.kind
    }

    pub fn authority(&self) -> String {
        match &self.process {
            Process::Causeway(hub) => hub.url().trim_start_matches("http://").to_owned(),
            Process::Synapse(synapse) => synapse.authority(),
        }
    }

    /// What only ours has.
    pub fn hub(&self) -> Result<&Hub> {
        match &self.process {
            Process::Causeway(hub) => Ok(hub),
            Process::Synapse(_) => anyhow::bail!("the peer has no such thing"),
        }
    }

    pub async fn stop(&mut self) -> Result<()> {
        match &mut self.process {
            Process::Causeway(hub) => hub.terminate().await,
            Process::Synapse(synapse) => synapse.terminate().await,
        }
    }

    pub async fn serve(&mut self) -> Result<()> {
        match &mut self.process {
            Process::Causeway(hub) => hub.serve().await,
            Process::Synapse(synapse) => synapse.serve().await,
        }
    }

    fn pid(&self) -> Result<u32> {
        let pid = match &self.process {
            Process::Causeway(hub) => hub.pid(),
            Process::Synapse(synapse) => synapse.pid(),
        };
        pid.context("the server does not run")
    }

    /// Seconds of CPU so far, the database server's included.
    pub fn cpu(&self) -> Result<f64> {
        let database = match &self.ground.postgres {
            Some(server) => resources::cpu_of_family(server.pid().context("PostgreSQL does not run")?)?,
            None => 0.0,
        };
        Ok(resources::cpu(self.pid()?)? + database)
    }

    /// Resident MB, without the database server.
    pub fn memory(&self) -> Result<f64> {
        resources::memory(self.pid()?)
    }

    /// Bytes of the database when nobody has it open. Of a PostgreSQL cluster the database alone: its write-ahead log
    /// is as large as it is configured to be.
    pub async fn size_at_rest(&mut self) -> Result<f64> {
        self.stop().await?;
        let size = match (&self.ground.postgres, &self.url) {
            (Some(server), Some(url)) => server.size(url)?,
            _ => resources::size_of_files(self.folder(), self.database_file())?,
        };
        self.serve().await?;
        Ok(size)
    }

    fn folder(&self) -> &Path {
        match &self.process {
            Process::Causeway(hub) => hub.folder(),
            Process::Synapse(synapse) => synapse.folder(),
        }
    }

    fn database_file(&self) -> &'static str {
        match self.process {
            Process::Causeway(_) => "causeway.db",
            Process::Synapse(_) => "homeserver.db",
        }
    }
}
