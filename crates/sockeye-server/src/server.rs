//! What all connections share, and how long they stay.

use std::future::Future;
use std::sync::Arc;

use sockeye_tokio::proto::{CloseCode, Limits};
use sockeye_tokio::{Config, Error};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Auth, Grant};
use crate::door::Door;
use crate::metrics::observe_ping;
use crate::rooms::Rooms;
use crate::route::Farewell;
use crate::settings::Settings;
use crate::tls::Tls;

/// Newcomers that are told why there is no place, at the same time; more than these are hung up on.
const TURNED_AWAY: usize = 32;

/// What all connections share, whichever thread serves them.
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) config: Arc<Config>,
    pub(crate) auth: Auth,
    pub(crate) rooms: Rooms,
    pub(crate) tls: Option<Tls>,
    pub(crate) door: Arc<Door>,
    /// For who is turned away.
    pub(crate) turned_away: Arc<Semaphore>,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Server {
    /// For so many connections.
    pub(crate) fn new(settings: Settings, auth: Auth, tls: Option<Tls>, connections: usize) -> Arc<Self> {
        let door = Door::new(
            connections,
            settings.limit_connections_per_address,
            settings.limit_handshakes,
            settings.proxy.clone(),
        );
        Arc::new(Server {
            config: Arc::new(Config { on_round_trip: Some(observe_ping), ..settings.config() }),
            rooms: Rooms::new(&settings),
            auth,
            settings,
            tls,
            door,
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        })
    }

    /// Closes every connection, and refuses newcomers: ready when all are gone or the time is up.
    pub(crate) async fn drain(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        // Who is left is counted by the caller.
        let _ = timeout(self.settings.drain_deadline, self.tasks.wait()).await;
    }

    /// Whether connections are being closed, and nobody new is let in.
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// What a message to a room may be.
    pub(crate) fn room_limits(&self) -> Limits {
        Limits::message(self.settings.limit_message.get() as u64)
    }

    /// What serves a connection, until the server goes down or the right to be here ends.
    pub(crate) async fn until_its_time(
        &self,
        grant: &Grant,
        served: impl Future<Output = Result<Option<Farewell>, Error>>,
    ) -> Result<Option<Farewell>, Error> {
        tokio::select! {
            // First the end: a peer that floods would keep it from its turn.
            biased;
            () = self.shut_down() => Ok(Some(GOING_AWAY)),
            () = expired(grant) => Ok(Some(EXPIRED)),
            served = served => served,
        }
    }

    /// Ready when it is this connection's turn to be closed.
    async fn shut_down(&self) {
        self.shutdown.cancelled().await;
        let spread = self.settings.drain_spread;
        if !spread.is_zero() {
            // Boxed: a connection is not to keep room for a timer that it seldom needs.
            Box::pin(sleep(spread.mul_f64(rand::random()))).await;
        }
    }
}

const GOING_AWAY: Farewell =
    Farewell { code: CloseCode::GOING_AWAY, reason: "the server goes down", counted: "shutdown" };
const EXPIRED: Farewell = Farewell { code: CloseCode::POLICY, reason: "the token has expired", counted: "expired" };

async fn expired(grant: &Grant) {
    match grant.time_left() {
        Some(left) => Box::pin(sleep(left)).await,
        None => std::future::pending().await,
    }
}
