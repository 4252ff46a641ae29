//! The three read models of a process: which there are, where they are kept, starting and stopping them.

use std::{path::PathBuf, sync::Arc};

use subledger_billing::BillingProjection;
use subledger_customer::CustomerProjection;
use subledger_fold::Projection;
use subledger_incentive::IncentiveProjection;
use subledger_log::Log;
use subledger_projection_runtime::{Config as RunnerConfig, Handle, Runner, StartError, State};
use subledger_writer::Clock;
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::config::Config;

/// A read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Name {
    /// Customers, relationships, subscriptions, transfers, activities
    Customer,
    /// Charges, invoices, balanced entries
    Billing,
    /// Net revenue and seats by month, offer and partner
    Incentive,
}

impl Name {
    /// Every read model.
    pub(crate) const ALL: [Self; 3] = [Self::Customer, Self::Billing, Self::Incentive];

    /// The name, as paths and the command line have it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Billing => "billing",
            Self::Incentive => "incentive",
        }
    }

    /// Its gRPC service.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Customer => "subledger.v1.CustomerService",
            Self::Billing => "subledger.v1.BillingService",
            Self::Incentive => "subledger.v1.IncentiveService",
        }
    }

    /// Says that the service is not to be used while the rows are folded for the first time, or cannot be.
    pub(crate) async fn report_health(self, projection: Handle, health: HealthReporter, stop: CancellationToken) {
        let mut state = projection.status().state;
        loop {
            let status = match state {
                State::Running | State::Retrying => ServingStatus::Serving,
                State::Rebuilding | State::Failed | State::Stopped => ServingStatus::NotServing,
            };
            health.set_service_status(self.service(), status).await;
            tokio::select! {
                () = stop.cancelled() => return,
                changed = projection.changed(state) => state = changed.state,
            }
        }
    }

    fn projection(self) -> Arc<dyn Projection> {
        match self {
            Self::Customer => Arc::new(CustomerProjection),
            Self::Billing => Arc::new(BillingProjection),
            Self::Incentive => Arc::new(IncentiveProjection),
        }
    }

    /// Where it is kept.
    pub(crate) fn dir(self, config: &Config) -> PathBuf {
        config.data_dir.join("projections").join(self.as_str())
    }

    /// Starts to fold. Blocks while the store is opened.
    pub(crate) fn start(self, log: Arc<dyn Log>, clock: Arc<dyn Clock>, config: &Config) -> Result<Runner, StartError> {
        Runner::start(log, self.projection(), self.settings(clock, config))
    }

    fn settings(self, clock: Arc<dyn Clock>, config: &Config) -> RunnerConfig {
        RunnerConfig::new(self.dir(config), Arc::new(move || clock.now()))
    }
}

/// Running read models.
pub(crate) struct ReadModels {
    runners: Vec<(Name, Runner)>,
}

impl ReadModels {
    /// Starts all of them beside the writers of this process. Blocks while the stores are opened.
    pub(crate) fn start(log: &Arc<dyn Log>, clock: &Arc<dyn Clock>, config: &Config) -> Result<Self, StartError> {
        let start = |name: Name| {
            let mut settings = name.settings(Arc::clone(clock), config);
            settings.store.gives_way = true;
            Ok((name, Runner::start(Arc::clone(log), name.projection(), settings)?))
        };
        Ok(Self { runners: Name::ALL.into_iter().map(start).collect::<Result<_, StartError>>()? })
    }

    /// One of them.
    pub(crate) fn get(&self, name: Name) -> Option<Handle> {
        self.runners.iter().find(|(running, _)| *running == name).map(|(_, runner)| runner.handle())
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Name, Handle)> {
        self.runners.iter().map(|(name, runner)| (*name, runner.handle()))
    }

    /// All of them.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.runners.iter().map(|(_, runner)| runner.handle()).collect()
    }

    /// Stops all of them. Blocks.
    pub(crate) fn stop(self) {
        // Asked all at once, so that they stop side by side.
        self.handles().iter().for_each(Handle::stop);
        self.runners.into_iter().for_each(|(_, runner)| runner.stop());
    }
}
