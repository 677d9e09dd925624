//! A browser that trusts an authority of ours and has a token, against the server's own TLS, and against nginx in front of
//! the server.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::clients::{LIMIT, in_browser};
use crate::install::Installer;
use crate::process::{Running, cargo, command, found, line, root, run, run_within, workspace_dir};
use crate::server::{START, Server};

/// What the server wants of the browser.
const TOKEN: &str = "a-browsers+own_token.1~";

/// The server speaks TLS itself.
pub(super) fn tls(installer: &Installer) -> Result<()> {
    let issued = Issued::new("tls", installer)?;
    let [cert, key] = ["cert.pem", "key.pem"].map(|file| issued.text(file));
    let config = issued.settings()?;
    let server = Server::start_with(&["--config", &config, "--tls-cert", &cert, "--tls-key", &key])?;
    issued.browse(server.address.port(), installer)
}

/// nginx speaks TLS, as docs/operate.md has it.
pub(super) fn nginx(installer: &Installer) -> Result<()> {
    installer.debian("nginx", &["nginx-light"], || program().is_some())?;
    let issued = Issued::new("nginx", installer)?;
    let server = Server::start_with(&["--config", &issued.settings()?, "--proxy", "127.0.0.1"])?;
    let port = free_port()?;
    let config = config(&issued, server.address, port)?;
    let mut nginx = command(program().context("nginx is gone")?);
    nginx.arg("-p").arg(&issued.dir).arg("-c").arg(&config).args(["-g", "daemon off; master_process off;"]);
    println!("+ {}", line(&nginx));
    let _running = Running::start(&mut nginx)?;
    wait_until_open(port)?;
    issued.browse(port, installer)
}

/// What a test authority issued for localhost, and a home of a browser that trusts it.
struct Issued {
    dir: PathBuf,
}

impl Issued {
    fn new(name: &str, installer: &Installer) -> Result<Self> {
        installer.debian("certutil", &["libnss3-tools"], || found("certutil"))?;
        let dir = workspace_dir(name);
        // Of a run before.
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir)?;
        let issued = Issued { dir };
        let mut authority = cargo();
        authority.args(["run", "-q", "-p", "sockeye-tests", "--example", "authority", "--"]);
        run(authority.arg(&issued.dir).args(["localhost", "127.0.0.1"]))?;
        let store = issued.dir.join(".pki/nssdb");
        fs::create_dir_all(&store)?;
        let store = format!("sql:{}", store.display());
        run(command("certutil").args(["-d", &store, "-N", "--empty-password"]))?;
        let ca = issued.text("ca.pem");
        run(command("certutil").args(["-d", &store, "-A", "-n", "sockeye", "-t", "C,,", "-i", &ca]))?;
        Ok(issued)
    }

    /// A file by which the server wants a token.
    fn settings(&self) -> Result<String> {
        let token = format!("[[token]]\nname = \"browser\"\nsecret = \"{TOKEN}\"\nread = [\"*\"]\nwrite = [\"*\"]\n");
        fs::write(self.dir.join("sockeye.toml"), token)?;
        Ok(self.text("sockeye.toml"))
    }

    fn text(&self, file: &str) -> String {
        self.dir.join(file).display().to_string()
    }

    /// All that the browser does without TLS too; and a browser that does not trust the authority sees nothing.
    fn browse(&self, port: u16, installer: &Installer) -> Result<()> {
        let browser = || -> Result<_> {
            let mut browser = in_browser("browser.mjs", installer)?;
            browser.arg(format!("https://localhost:{port}"));
            Ok(browser)
        };
        run_within(browser()?.env("HOME", &self.dir).env("TOKEN", TOKEN), LIMIT)?;
        let stranger = self.dir.join("stranger");
        fs::create_dir_all(&stranger)?;
        let seen = browser()?.env("HOME", stranger).output()?;
        let said = String::from_utf8_lossy(&seen.stdout);
        ensure!(said.contains("ERR_CERT_AUTHORITY_INVALID"), "a browser that trusts nobody of ours said: {said}");
        println!("ok: who does not trust the authority is not connected");
        Ok(())
    }
}

/// Debian has it where only root looks.
fn program() -> Option<PathBuf> {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&dirs).chain(["/usr/sbin".into()]).collect::<Vec<PathBuf>>();
    dirs.into_iter().map(|dir| dir.join("nginx")).find(|path| path.is_file())
}

/// The manual's configuration, with the places of this test.
fn config(issued: &Issued, server: SocketAddr, port: u16) -> Result<PathBuf> {
    let manual = fs::read_to_string(root().join("docs/operate.md"))?;
    let block = manual.split_once("```nginx\n").and_then(|(_, rest)| rest.split_once("```"));
    let mut block = block.context("docs/operate.md has no configuration of nginx")?.0.to_owned();
    let places = [
        ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
        ("server_name chat.example.com", "server_name localhost".into()),
        ("/etc/ssl/chat.example.com.pem", issued.text("cert.pem")),
        ("/etc/ssl/private/chat.example.com.key", issued.text("key.pem")),
        ("http://127.0.0.1:9001", format!("http://{server}")),
    ];
    for (manual, here) in places {
        ensure!(block.contains(manual), "the configuration of nginx in docs/operate.md lacks {manual}");
        block = block.replace(manual, &here);
    }
    let config = issued.dir.join("nginx.conf");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|what| format!("{what}_temp_path tmp;\n"));
    fs::create_dir_all(issued.dir.join("tmp"))?;
    let head = "pid nginx.pid;\nerror_log nginx.log;\nevents {}\nhttp {\naccess_log off;\n";
    fs::write(&config, format!("{head}{}{block}}}\n", temporary.concat()))?;
    Ok(config)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn wait_until_open(port: u16) -> Result<()> {
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if begun.elapsed() > START {
            bail!("nginx does not listen; its directory's nginx.log says why");
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}
