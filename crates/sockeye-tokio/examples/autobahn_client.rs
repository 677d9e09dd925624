//! Answers the cases of an Autobahn fuzzing server: `autobahn_client ws://127.0.0.1:PORT`.

use std::error::Error;

use sockeye_tokio::proto::Limits;
use sockeye_tokio::{Config, connect};

type Failure = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let server = std::env::args().nth(1).ok_or("usage: autobahn_client ws://HOST:PORT")?;
    let mut ws = connect(&format!("{server}/getCaseCount"), config()).await?;
    let count: u32 = ws.receiver.message().await?.and_then(|count| count.text()).ok_or("no case count")?.parse()?;
    ws.receiver.drain().await?;
    for case in 1..=count {
        if let Err(error) = run(&format!("{server}/runCase?case={case}&agent=sockeye")).await {
            println!("case {case} of {count}: {error}");
        }
    }
    // The server writes its reports, then ends: some without a close.
    match connect(&format!("{server}/updateReports?agent=sockeye"), config()).await?.receiver.drain().await {
        Err(sockeye_tokio::Error::Lost) => Ok(()),
        ended => Ok(ended?),
    }
}

async fn run(uri: &str) -> Result<(), Failure> {
    let mut ws = connect(uri, config()).await?;
    while let Some(message) = ws.receiver.message().await? {
        ws.sender.send(message.kind, message.payload).await?;
    }
    Ok(())
}

fn config() -> Config {
    Config { limits: Limits::message(64 << 20), ..Config::default() }
}
