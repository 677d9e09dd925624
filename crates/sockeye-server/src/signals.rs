//! What a terminal or a service manager says.

use std::io;

/// Ctrl-C, or the same from a service manager.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Interrupt {
    /// From here on the signals are ours.
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Interrupt { signals: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Interrupt {})
    }

    #[cfg(unix)]
    pub(crate) async fn recv(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn recv(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// SIGHUP: some files are to be read again.
pub(crate) struct Hangup {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangup {
    /// From here on the signal is ours; before, it ends the process.
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Hangup { signal: signal(SignalKind::hangup())? })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Hangup {})
    }

    #[cfg(unix)]
    pub(crate) async fn recv(&mut self) {
        self.signal.recv().await;
    }

    #[cfg(not(unix))]
    pub(crate) async fn recv(&mut self) {
        std::future::pending().await
    }
}

/// What a service manager is to know (sd_notify). Without one nobody is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    Ready,
    Reloading,
    Stopping,
}

#[cfg(unix)]
pub(crate) fn notify(stage: Stage) {
    use sd_notify::NotifyState;
    let told = match stage {
        Stage::Ready => sd_notify::notify(&[NotifyState::Ready]),
        Stage::Reloading => {
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
        Stage::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(error) = told {
        tracing::warn!("the service manager could not be told: {error}");
    }
}

#[cfg(not(unix))]
pub(crate) fn notify(_stage: Stage) {}
