//! An authority for a test, and what it issues: `authority DIRECTORY NAME...` writes ca.pem, cert.pem and key.pem, and
//! says the pin of the key.

use std::process::ExitCode;

use sockeye_tests::Authority;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((dir, names)) = arguments.split_first().filter(|(_, names)| !names.is_empty()) else {
        eprintln!("usage: authority DIRECTORY NAME...");
        return ExitCode::from(2);
    };
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    println!("{}", Authority::in_dir(dir.into()).issue(&names).pin());
    ExitCode::SUCCESS
}
