//! An echo in a hyper service: `cargo run -p sockeye-tokio --features hyper --example hyper [ADDRESS]`.

use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use sockeye_tokio::{Accept, AcceptError, Config, Upgrade};
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".into());
    let listener = TcpListener::bind(address).await?;
    println!("echo on ws://{}/echo", listener.local_addr()?);
    loop {
        let (socket, peer) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            // Without these a request may take for ever to come.
            http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(5));
            let served = http.serve_connection(TokioIo::new(socket), service_fn(answer));
            if let Err(error) = served.with_upgrades().await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<String>, Failure> {
    match request.uri().path() {
        "/echo" => Ok(echo(request).unwrap_or_else(|error| error.to_response())),
        _ => Ok(Response::builder().status(404).body("nothing is here but /echo\n".into())?),
    }
}

fn echo(request: Request<Incoming>) -> Result<Response<String>, AcceptError> {
    let (mut parts, _) = request.into_parts();
    let (response, connection) = Upgrade::new(&mut parts)?.accept(Config::default(), Accept::default())?;
    tokio::spawn(async move {
        let mut ws = connection.await?;
        while let Some(message) = ws.receiver.message().await? {
            ws.sender.send(message.kind, message.payload).await?;
        }
        Ok::<(), Failure>(())
    });
    Ok(response)
}
