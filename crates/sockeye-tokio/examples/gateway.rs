//! Devices dial in, and people reach them by HTTP, in a router of axum:
//! `TOKEN=secret cargo run -p sockeye-tokio --features axum --example gateway [ADDRESS]`.
//!
//! | | |
//! |---|---|
//! | `GET /devices/NAME`, upgrade | a device dials in; its messages are readings |
//! | `GET /devices` | who is here, and the last reading of each |
//! | `POST /devices/NAME` | the body goes to the device |
//! | `GET /watch`, upgrade | all readings as they come, each with the device's name |
//!
//! Everything needs `Authorization: Bearer TOKEN`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sockeye_tokio::{Accept, AcceptError, Config, Connection, Error, Mailbox, Prepared, Stream, Upgrade};
use tokio::net::TcpListener;

/// Bytes that may wait for a device, or for one who watches.
const BEHIND: usize = 64 * 1024;

struct Gateway {
    token: String,
    config: Arc<Config>,
    devices: Mutex<BTreeMap<String, Device>>,
    watchers: Mutex<Vec<Mailbox>>,
}

struct Device {
    /// Another one for each time that it dials in.
    visit: Arc<()>,
    mailbox: Mailbox,
    last: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let token = std::env::var("TOKEN").map_err(|_| "TOKEN is not set")?;
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".into());
    let gateway = Gateway {
        token: format!("Bearer {token}"),
        config: Config::default().into(),
        devices: Mutex::default(),
        watchers: Mutex::default(),
    };
    let gateway = Arc::new(gateway);
    let router = Router::new()
        .route("/devices", get(list))
        .route("/devices/{name}", get(dial_in).post(tell))
        .route("/watch", get(watch))
        .layer(from_fn_with_state(gateway.clone(), guard))
        .with_state(gateway);
    let listener = TcpListener::bind(address).await?;
    println!("gateway on http://{}/devices", listener.local_addr()?);
    // A proxy in front of this has to bound how long a request may take to come: `axum::serve` does not.
    Ok(axum::serve(listener, router).await?)
}

async fn guard(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    // Compare in constant time where who guesses can measure.
    if request.headers().get("Authorization").is_none_or(|token| token.as_bytes() != gateway.token.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN is wanted\n").into_response();
    }
    next.run(request).await
}

async fn list(State(gateway): State<Arc<Gateway>>) -> String {
    locked(&gateway.devices).iter().map(|(name, device)| format!("{name}: {}\n", device.last)).collect()
}

async fn dial_in(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    upgrade: Upgrade,
) -> Result<impl IntoResponse, AcceptError> {
    let (response, connection) = upgrade.accept(gateway.config.clone(), Accept::default())?;
    tokio::spawn(async move {
        let Ok(mut ws) = connection.await else { return };
        let visit = Arc::new(());
        let device = Device { visit: visit.clone(), mailbox: ws.sender.mailbox(BEHIND), last: "nothing yet".into() };
        // Who dials in anew takes the place of what was half open.
        locked(&gateway.devices).insert(name.clone(), device);
        let ended = read(&mut ws, &gateway, &name, &visit).await;
        let mut devices = locked(&gateway.devices);
        if devices.get(&name).is_some_and(|device| Arc::ptr_eq(&device.visit, &visit)) {
            devices.remove(&name);
        }
        println!("{name} is gone: {}", ended.err().map_or("closed".into(), |error| error.to_string()));
    });
    Ok(response)
}

async fn read(ws: &mut Connection<Stream>, gateway: &Gateway, name: &str, visit: &Arc<()>) -> Result<(), Error> {
    while let Some(message) = ws.receiver.message().await? {
        let Some(reading) = message.text() else { continue };
        if let Some(device) = locked(&gateway.devices).get_mut(name)
            && Arc::ptr_eq(&device.visit, visit)
        {
            device.last = reading.into();
        }
        let news = Prepared::text(&format!("{name}: {reading}"));
        locked(&gateway.watchers).retain(|one| matches!(one.post(&news), Ok(()) | Err(Error::SlowPeer)));
    }
    Ok(())
}

async fn tell(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>, command: String) -> Response {
    let posted = locked(&gateway.devices).get(&name).map(|device| device.mailbox.post(&Prepared::text(&command)));
    match posted {
        Some(Ok(())) => (StatusCode::ACCEPTED, "on its way\n".to_owned()).into_response(),
        Some(Err(error)) => (StatusCode::BAD_GATEWAY, format!("{name}: {error}\n")).into_response(),
        None => (StatusCode::NOT_FOUND, format!("{name} is not here\n")).into_response(),
    }
}

async fn watch(State(gateway): State<Arc<Gateway>>, upgrade: Upgrade) -> Result<impl IntoResponse, AcceptError> {
    let (response, connection) = upgrade.accept(gateway.config.clone(), Accept::default())?;
    tokio::spawn(async move {
        let mut ws = connection.await?;
        // Those who left while no device had anything to say.
        locked(&gateway.watchers).retain(|one| !one.is_closed());
        locked(&gateway.watchers).push(ws.sender.mailbox(BEHIND));
        ws.receiver.drain().await?;
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    });
    Ok(response)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("not poisoned")
}
