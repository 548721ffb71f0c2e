//! `turnout key`: what is verified, what is refused, and that nothing secret comes
//! by the command line or goes to the output.

use crate::Site;
use hsm::{KeyScheme, KeyType};
use hsm_sim::{ClearKey, Engine, Lmk};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

impl Site {
    fn key(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
        self.turnout("key", arguments, input)
    }

    fn import_key(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
        self.key(&[&["import"], arguments].concat(), input)
    }

    fn imported(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("turnout-data/keys.toml")).ok()
    }
}

/// A public sample: clear key, its cryptogram under the public test LMK as a CVK, its check value.
const CLEAR: &str = "0123456789ABCDEFFEDCBA9876543210";
const UNDER_LMK: &str = "U9B4934384B19946B040CD702B4D58145";
const KCV: &str = "08D7B4";

#[test]
fn a_cryptogram_under_the_lmk() {
    let site = Site::new(0);
    let (code, out, _) =
        site.import_key(&["--name", "cvk-2", "--type", "CVK", "--kcv", KCV], &format!("{UNDER_LMK}\n"));
    assert_eq!((code, out.as_str()), (0, "cvk-2 CVK 08D7B4\n"));
    let keys = site.folder.path().join("turnout-data/keys.toml");
    assert_eq!(fs::metadata(keys).unwrap().permissions().mode() & 0o777, 0o600);
    // Without letter and in small letters it is the same key, but the name is taken.
    let bare = UNDER_LMK[1..].to_lowercase();
    let (code, _, errors) = site.import_key(&["--name", "cvk-2", "--type", "CVK"], &bare);
    assert_eq!(code, 65);
    assert!(errors.contains("there is a key \"cvk-2\" already"), "{errors}");
    assert_eq!(site.import_key(&["--name", "cvk-3", "--type", "CVK"], &bare).0, 0);
    let (_, out, _) = site.key(&["list", "--format", "json"], "");
    let listed = out.lines().filter(|line| line.contains("\"kcv\":\"08D7B4\",\"origin\":\"imported\""));
    assert_eq!(listed.count(), 2, "{out}");
}

#[test]
fn what_a_crash_left_behind_is_replaced() {
    let site = Site::new(0);
    let left = site.folder.path().join("turnout-data/keys.toml.new");
    fs::write(&left, "[[key]]\nname = \"half").unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, _, errors) = site.import_key(&["--name", "cvk-2", "--type", "CVK"], UNDER_LMK);
    assert_eq!(code, 0, "{errors}");
    assert!(!left.exists());
    assert!(site.imported().unwrap().contains("cvk-2") && !site.imported().unwrap().contains("half"));
    let keys = site.folder.path().join("turnout-data/keys.toml");
    assert_eq!(fs::metadata(keys).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn one_import_at_a_time() {
    let site = Site::new(0);
    let folder = fs::File::open(site.folder.path().join("turnout-data")).unwrap();
    folder.lock().unwrap();
    let (code, out, errors) = site.import_key(&["--name", "cvk-2", "--type", "CVK"], UNDER_LMK);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.contains("another `turnout key` is at work"), "{errors}");
    assert_eq!(site.imported(), None);
    drop(folder);
    // A program that another test begins at this moment holds our files, and the lock, until it runs.
    let begun = Instant::now();
    while site.import_key(&["--name", "cvk-2", "--type", "CVK"], UNDER_LMK).0 != 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the lock is still held");
    }
}

#[test]
fn what_is_not_the_key_it_should_be_is_refused() {
    let site = Site::new(0);
    let refused = |arguments: &[&str], input: &str, expect: &str| {
        let (code, out, errors) = site.import_key(&[&["--name", "k"], arguments].concat(), input);
        assert_eq!((code, out.as_str()), (65, ""), "{arguments:?}");
        assert!(errors.contains(expect), "{errors}");
        assert!(!errors.contains(&input[..input.len().min(8)]) || input.is_empty(), "{errors}");
    };
    refused(&["--type", "ZPK"], UNDER_LMK, "the HSM refused with 10 source key parity");
    refused(&["--type", "CVK", "--kcv", "000000"], UNDER_LMK, "is 08D7B4 and not 000000");
    refused(&["--type", "CVK"], "U9B49", "not a key");
    refused(&["--type", "CVK"], "", "standard input is empty");
    refused(&["--type", "CVK", "--clear"], &CLEAR.replace("10", "11"), "odd parity");
    refused(&["--type", "CVK", "--clear"], &"0".repeat(32), "all zeros");
    refused(&["--type", "CVK", "--clear"], &"01".repeat(16), "weak key");
    refused(&["--type", "CVK", "--zmk", "zpk-test"], UNDER_LMK, "there is no ZMK \"zpk-test\"");
    assert_eq!(site.imported(), None);
}

#[test]
fn a_clear_key_only_under_the_public_lmk() {
    let site = Site::new(0);
    let (code, out, errors) = site.import_key(&["--name", "cvk-2", "--type", "CVK", "--clear"], CLEAR);
    assert_eq!((code, out.as_str()), (0, "cvk-2 CVK 08D7B4\n"));
    assert!(errors.contains("WARNING"), "{errors}");
    assert!(site.imported().unwrap().contains(UNDER_LMK));
    assert!(!format!("{errors}{}", site.imported().unwrap()).contains(CLEAR));
    let half = &CLEAR[..16];
    let (code, _, errors) =
        site.import_key(&["--name", "weakened", "--type", "ZPK", "--clear"], &half.repeat(2));
    assert_eq!(code, 0);
    assert!(errors.contains("worth no more than single DES"), "{errors}");
}

/// An AES key stands in a key block, whose check value the HSM gives under the LMK that the block names.
#[test]
fn a_clear_aes_key_comes_in_a_key_block() {
    let site = Site::new(0);
    let aes = "000102030405060708090A0B0C0D0E0F";
    let import = |name: &str, kind: &str, algorithm: &str, key: &str| {
        let arguments = ["--name", name, "--type", kind, "--clear", "--key-block", algorithm];
        site.import_key(&arguments, key)
    };
    // The CMAC of sixteen zero bytes, by the Python package cryptography.
    let (code, out, errors) = import("zpk-aes", "ZPK", "aes", aes);
    assert_eq!((code, out.as_str()), (0, "zpk-aes ZPK BE7ED6\n"), "{errors}");
    let (code, out, errors) = import("pvk-block", "PVK", "tdes", CLEAR);
    assert_eq!((code, out.as_str()), (0, "pvk-block PVK 08D7B4\n"), "{errors}");
    let blocks = site.imported().unwrap();
    assert_eq!(blocks.matches("cryptogram = \"S1").count(), 2, "{blocks}");
    assert!(!blocks.contains(aes) && !blocks.contains(CLEAR));

    let (code, _, errors) = import("cvk-aes", "CVK", "aes", aes);
    assert_eq!(code, 65);
    assert!(errors.contains("a CVK is a TDES key here"), "{errors}");
    let (code, _, errors) = import("short", "ZPK", "aes", &aes[..16]);
    assert_eq!(code, 65);
    assert!(errors.contains("32, 48 or 64 hexadecimal digits"), "{errors}");
    let (code, out, _) = site.turnout("check", &[], "");
    assert_eq!(code, 0, "{out}");
}

/// Made by psec: `tr31.wrap(zmk, Header("D", "P0", "A", "N", "00", "S"), key)`, of the key above.
const AES_BLOCK: &str = "RD0144P0AN00S00001CE86FB7FEFE35116469EA503D707F6F1C901B5DBC6EC28911E044B347C7BC89\
                         CAFB6BB4ACEBB773B008D7D6CF312C1CB4D9D5AF37686AB0B838B18E228C469C";

/// Under the LMK of its ZMK, which is one for key blocks.
#[test]
fn an_aes_key_of_a_partner_comes_in_under_its_zmk() {
    let site = Site::new(0);
    let zmk = "202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F";
    let arguments = ["--name", "zmk-aes", "--type", "ZMK", "--clear", "--key-block", "aes"];
    let (code, _, errors) = site.import_key(&arguments, zmk);
    assert_eq!(code, 0, "{errors}");
    let arguments = ["--name", "zpk-aes", "--type", "ZPK", "--zmk", "zmk-aes"];
    let (code, out, errors) = site.import_key(&arguments, AES_BLOCK);
    assert_eq!((code, out.as_str()), (0, "zpk-aes ZPK BE7ED6\n"), "{errors}");
    let altered = AES_BLOCK.replace("1CE8", "1CE9");
    let arguments = ["--name", "zpk-2", "--type", "ZPK", "--zmk", "zmk-aes"];
    assert_ne!(site.import_key(&arguments, &altered).0, 0);
    assert_eq!(site.turnout("check", &[], "").0, 0);
}

#[test]
fn a_key_under_a_zmk_comes_in_through_the_hsm() {
    let site = Site::new(0);
    let engine = Engine::new(Lmk::public_test(), hsm_sim::Settings::default());
    let key = |text: &str| ClearKey::new(&hex::decode(text).unwrap()).unwrap();
    let lmk = Lmk::public_test();
    let zmk = lmk.encrypt_key(KeyType::ZMK, KeyScheme::U, &key("4C4A4F52545758C1C2C4C7C8CBCDCED0")).unwrap();
    let zpk = lmk.encrypt_key(KeyType::ZPK, KeyScheme::U, &key(CLEAR)).unwrap();
    // The other side would export its key; the engine plays that part too.
    let export = hsm::ExportKey::new(KeyType::ZPK, zmk.borrowed(), zpk.borrowed(), KeyScheme::X);
    let reply = engine.run(&hsm::Command::ExportKey(export));
    let hsm::ReplyBody::Key { key: under_zmk, .. } = reply.body else { panic!("{}", reply.error) };
    assert_eq!(site.import_key(&["--name", "zmk-2", "--type", "ZMK"], &zmk.to_text()).0, 0);
    let arguments = ["--name", "zpk-2", "--type", "ZPK", "--zmk", "zmk-2", "--kcv", KCV];
    let (code, _, errors) = site.import_key(&arguments, &under_zmk.to_text());
    assert_eq!(code, 0, "{errors}");
    assert!(site.imported().unwrap().contains(&zpk.to_text()));
    // Under another ZMK the parity comes out wrong, which the HSM would silently mend.
    let arguments = ["--name", "zpk-3", "--type", "ZPK", "--zmk", "zmk-2"];
    let (code, _, errors) = site.import_key(&arguments, &format!("X{CLEAR}"));
    assert_eq!(code, 65);
    assert!(errors.contains("nothing was imported"), "{errors}");
}

/// Made by psec: `tr31.wrap(zmk, Header("B", "P0", "T", "N", "00", "S"), CLEAR)`.
const TR_31_BLOCK: &str =
    "B0096P0TN00S0000A1265058ECED5779B2AE9D44473BABEC4D706A3C3A3E614DAC6787894A1E2B90545EB4C962543226";

#[test]
fn a_tr_31_block_comes_in_under_its_zmk() {
    let site = Site::new(0);
    let lmk = Lmk::public_test();
    let zmk = ClearKey::new(&hex::decode("4C4A4F52545758C1C2C4C7C8CBCDCED0").unwrap()).unwrap();
    let zmk = lmk.encrypt_key(KeyType::ZMK, KeyScheme::U, &zmk).unwrap();
    assert_eq!(site.import_key(&["--name", "zmk-2", "--type", "ZMK"], &zmk.to_text()).0, 0);
    let import = |name: &str, kind: &str, block: &str| {
        let arguments = ["--name", name, "--type", kind, "--zmk", "zmk-2", "--kcv", KCV];
        site.import_key(&arguments, &format!("R{block}"))
    };
    let (code, _, errors) = import("zpk-2", "ZPK", TR_31_BLOCK);
    assert_eq!(code, 0, "{errors}");
    // What the block says of its key is kept to, and what was changed in it is noticed.
    let (code, _, errors) = import("cvk-2", "CVK", TR_31_BLOCK);
    assert!(code == 65 && errors.contains("A6"), "{code} {errors}");
    let (code, _, errors) = import("zpk-3", "ZPK", &TR_31_BLOCK.replace("S00", "N00"));
    assert!(code == 65 && errors.contains("A4"), "{code} {errors}");
}

#[test]
fn an_hsm_over_tcp_is_asked_and_named_when_it_is_away() {
    let site = Site::new(0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    site.change("workers = 1\n", "");
    site.change(
        "mode = \"embedded\"",
        &format!("mode = \"payshield\"\nunits = [\"{address}\"]\nheader_length = 6"),
    );
    // Serves one command: BU.
    let hsm = std::thread::spawn(move || {
        use std::io::Read;
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message).unwrap();
        let (header, body) = message.split_at(6);
        let engine = Engine::new(Lmk::public_test(), hsm_sim::Settings::default());
        let command = hsm::Command::parse(body).unwrap();
        let reply = engine.run(&command);
        let mut out = Vec::new();
        hsm::framing::write_frame(&mut out, header, |out| reply.encode(command.code(), out)).unwrap();
        stream.write_all(&out).unwrap();
    });
    let (code, out, errors) = site.import_key(&["--name", "cvk-2", "--type", "CVK"], UNDER_LMK);
    assert_eq!((code, out.as_str()), (0, "cvk-2 CVK 08D7B4\n"), "{errors}");
    hsm.join().unwrap();
    // The listener is gone with its thread.
    let (code, _, errors) = site.import_key(&["--name", "cvk-3", "--type", "CVK"], UNDER_LMK);
    assert_eq!(code, 69);
    assert!(errors.contains(&address.to_string()), "{errors}");
    site.change("lmk = \"public-test\"\n", "");
    let (code, _, errors) = site.import_key(&["--name", "cvk-3", "--type", "CVK", "--clear"], CLEAR);
    assert_eq!(code, 65);
    assert!(errors.contains("only be imported under the public test LMK"), "{errors}");
    assert!(!site.imported().unwrap().contains("cvk-3"));
}
