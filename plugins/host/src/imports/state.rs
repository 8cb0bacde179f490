use causeway_engine::connector::{Act, LoginId};

use super::wit::ids::Error;
use super::wit::login_types::Step;
use super::wit::state::{Host, Report};
use crate::convert::Convert;
use crate::guest::Guest;
use crate::limits::Limit;

impl Host for Guest {
    async fn set(&mut self, login: Option<String>, report: Report) -> wasmtime::Result<()> {
        let login: Option<LoginId> = login.convert();
        self.act(Act::State { login, report: report.convert() })
    }

    async fn login_advance(&mut self, process: String, next: Result<Step, Error>) -> wasmtime::Result<()> {
        let next = next.map(Convert::convert).map_err(Convert::convert);
        self.act(Act::LoginAdvance { process, next })
    }
}

impl Guest {
    fn act(&mut self, act: Act) -> wasmtime::Result<()> {
        if let Err(error) = self.effect() {
            return self.end(Limit::Effects, error.message);
        }
        self.delivery.acts.push(act);
        Ok(())
    }
}
