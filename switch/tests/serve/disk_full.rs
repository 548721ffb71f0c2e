//! A disk that fills up under load: the switch ends, saying which file and what to do, and answers
//! nothing that is not recorded; with space again, everything that was answered is there.

use crate::town::{self, Rng, Town};
use crate::{Running, serve, turnout, wait_until};
use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A limit on the size of files stands for the full disk, since anybody may set it. The first segment
/// lies within it and the next one does not.
#[test]
fn a_segment_that_cannot_be_made_ends_the_switch() {
    let folder = tempfile::tempdir().unwrap();
    let mut town = Town::new(folder.path(), &mut Rng::new(town::seed()));
    town.check(&Running::start(&town.site.config));

    town.configure("segment", "\"16MiB\"");
    let mut limited = Command::new("sh");
    // Without the trap the system would end the process, which could not say why.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""]);
    limited.arg(turnout().get_program()).args(["serve", "--config"]).arg(&town.site.config);
    limited.env("RUST_LOG", "warn,switch::edge::hsm=error");
    let told = ends_under_load(&mut town, limited, &folder.path().join("serve.log"));
    assert!(told.contains(".journal: "), "names the file: {told}");
    assert!(told.contains("LimitFSIZE"), "says what to do: {told}");

    everything_is_there(&mut town);
}

/// The same with a file system that has no block left.
#[test]
#[ignore = "mounts a tmpfs, which takes root: cargo test -p switch --test serve -- --ignored no_space_left"]
fn a_file_system_with_no_space_left_ends_the_switch() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(&folder.path().join("site"));
    let mut town = Town::new(folder.path(), &mut Rng::new(town::seed()));
    town.check(&Running::start(&town.site.config));

    let command = serve(&town.site.config);
    let told = ends_under_load(&mut town, command, &folder.path().join("serve.log"));
    assert!(told.contains(".journal: "), "names the file: {told}");
    assert!(told.contains("make room"), "says what to do: {told}");

    disk.grow();
    everything_is_there(&mut town);
}

/// Serves and loads until the switch ends by itself, and returns what it said.
fn ends_under_load(town: &mut Town, mut command: Command, log: &Path) -> String {
    command.stdout(Stdio::piped()).stderr(File::create(log).unwrap());
    let server = RefCell::new(Running::started(command.spawn().unwrap()));
    let (address, atm) = (server.borrow().address, server.borrow().atm);
    town.load(address, atm, |_| {
        let ended = || server.borrow_mut().child.try_wait().unwrap().is_some();
        wait_until(ended, "the switch ends");
    });
    assert_eq!(server.borrow_mut().child.wait().unwrap().code(), Some(1));
    fs::read_to_string(log).unwrap()
}

fn everything_is_there(town: &mut Town) {
    let server = Running::start(&town.site.config);
    town.check(&server);
    town.check_every_answer(server.address);
    drop(server);
    println!("{} transactions, all there", town.check_books());
}

/// A file system of a few MiB; taken away when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    pub(crate) fn mount(path: &Path) -> SmallDisk {
        fs::create_dir(path).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "turnout-test"]).arg(path));
        SmallDisk(path.to_owned())
    }

    fn grow(&self) {
        run(Command::new("mount").args(["-o", "remount,size=256m"]).arg(&self.0));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
