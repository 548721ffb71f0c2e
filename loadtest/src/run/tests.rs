use super::*;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: RunArgs,
}

fn parse(words: &str) -> Result<RunArgs, clap::Error> {
    Line::try_parse_from(std::iter::once("run").chain(words.split_whitespace())).map(|line| line.args)
}

#[test]
fn a_folder_is_enough_and_so_are_all_flags() {
    assert!(parse("--folder run").is_ok());
    let all = "--address 127.0.0.1:8583 --certificate c --key k --authority a --cards t";
    assert!(parse(all).is_ok());
    assert!(parse(&format!("--folder run {all}")).is_ok());
    assert!(parse("").is_err());
    assert!(parse("--address 127.0.0.1:8583 --certificate c").is_err());
}

#[test]
fn values_out_of_bounds_are_refused() {
    for bad in [
        "--rate 0",
        "--rate NaN",
        "--rate fast",
        "--duration 0s",
        "--duration 30",
        "--connections 0",
        "--min-approved 1.1",
        "--dialect iso2003",
        "--terminal-prefix TOOLONG",
        "--currency XXZ",
        "--threads 0",
    ] {
        assert!(parse(&format!("--folder run {bad}")).is_err(), "{bad}");
    }
    let args = parse("--folder run --rate 0.5 --max-p99 20ms --min-approved 0.99").unwrap();
    assert_eq!((args.rate, args.max_p99), (0.5, Some(Duration::from_millis(20))));
}

#[test]
fn a_folder_that_is_none_is_bad_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let args = parse(&format!("--folder {}", folder.path().display())).unwrap();
    assert_eq!(target(&args).unwrap_err().code, 78);
}
