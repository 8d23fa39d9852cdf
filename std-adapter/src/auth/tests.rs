use std::fs;

use super::*;
use crate::fs::Rights;

fn place() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(super) fn write(path: &std::path::Path, text: &str) -> KeyFile {
    let _ = fs::remove_file(path);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path).unwrap(), text.as_bytes()).unwrap();
    KeyFile::new(path)
}

#[test]
fn key_files_are_read() {
    let place = place();
    let path = place.path().join("keys");
    let (a, b, c) = ("a1".repeat(32), "B2".repeat(32), "c3".repeat(32));
    let text = format!(
        "# people\n\nshared {a} name=anna rights=read dir=some where/else\n  public {b} rights=write,close\n\
         private {c}\n"
    );
    let keys = write(&path, &text).read().unwrap();
    let id = tinyferry_secure::SharedKey::new(&[0xa1; 32]).id();
    let (_, entry) = keys.shared(id).unwrap();
    assert_eq!((entry.name.as_str(), entry.directory.as_str()), ("anna", "some where/else"));
    assert_eq!(
        (entry.rights, entry.may_close),
        (Rights { read: true, write: false, remove: false }, false)
    );
    let entry = keys.public(&PublicKey([0xb2; 32])).unwrap();
    assert_eq!(
        (entry.rights, entry.may_close),
        (Rights { read: false, write: true, remove: false }, true)
    );
    assert!(keys.public(&PublicKey([0xb3; 32])).is_none() && keys.shared(KeyId([0; 8])).is_none());
    assert_eq!(keys.private().map(|key| *key.expose()), Some([0xc3; 32]));
    assert_eq!(keys.entries().count(), 2);
}

#[test]
fn errors_of_key_files_do_not_quote_keys() {
    let place = place();
    let path = place.path().join("keys");
    let (key, long) = ("5e".repeat(32), "5e".repeat(33));
    for (text, why) in [
        (format!("shared {long}"), "line 1: a key is 64 hexadecimal digits"),
        ("shared".into(), "64 hexadecimal"),
        (format!("shared {}é", &key[2..]), "64 hexadecimal"),
        (format!("\n{key}"), "line 2: a key is 64"),
        (format!("secret {key}"), "begins with shared, private or public"),
        (format!("private {key}\nprivate {key}"), "already has a private key"),
        (format!("shared {key} rights=all"), "rights= is a list of read, write, remove and close"),
        (format!("shared {key} dir=../up"), "below the served directory"),
        (format!("shared {key} dir=/etc"), "below the served directory"),
        (format!("shared {key} quota=10X"), "quota= is a size, as 500M or 10GiB"),
        (format!("shared {key} quota={}T", u64::MAX), "quota= is a size"),
        (format!("shared {key} {key}"), "only name=, rights=, quota= and dir="),
    ] {
        let told = write(&path, &text).read().unwrap_err().to_string();
        assert!(told.contains(why) && !told.contains("5e5e"), "{told}");
    }
    let told = write(&path, "# nothing\n").identity().unwrap_err().to_string();
    assert!(told.contains("no shared key and no private key"), "{told}");
    let told = KeyFile::new(place.path()).read().unwrap_err().to_string();
    assert!(told.contains("not a regular file of at most 1 MiB"), "{told}");
    let told = KeyFile::new(place.path().join("none")).read().unwrap_err().to_string();
    assert!(told.contains("none\" cannot be read: "), "{told}");
}

#[cfg(unix)]
#[test]
fn a_key_file_that_other_users_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let path = place.path().join("keys");
    let file = write(&path, &format!("shared {}\n", "5e".repeat(32)));
    assert!(file.read().is_ok());
    for mode in [0o640, 0o604, 0o610] {
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let told = file.read().unwrap_err().to_string();
        assert!(told.contains("chmod 600"), "{told}");
    }
}

#[test]
fn generated_keys_are_random_and_never_overwritten() {
    let place = place();
    let (one, other) = (place.path().join("one"), place.path().join("other"));
    generate_shared(&one).unwrap();
    generate_shared(&other).unwrap();
    let before = fs::read_to_string(&one).unwrap();
    assert_ne!(before, fs::read_to_string(&other).unwrap());
    assert!(generate_shared(&one).unwrap_err().to_string().contains("is there already"));
    assert!(generate_pair(&one).unwrap_err().to_string().contains("is there already"));
    assert_eq!(fs::read_to_string(&one).unwrap(), before);
    let pair = place.path().join("pair");
    let (beside, public) = generate_pair(&pair).unwrap();
    assert_eq!(fs::read_to_string(beside).unwrap(), format!("public {}\n", hex(&public.0)));
    let private = KeyFile::new(&pair).read().unwrap();
    assert_eq!(private.private().unwrap().public(), public);
    #[cfg(unix)]
    for path in [one, pair] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_new_server_is_remembered_and_a_changed_key_is_refused() {
    let place = place();
    let file = place.path().join("settings").join("known_hosts");
    let asks = KnownHosts { file: file.clone(), accept_new: false };
    let takes = KnownHosts { file: file.clone(), accept_new: true };
    let (one, other) = (PublicKey([1; 32]), PublicKey([2; 32]));
    assert!(matches!(asks.check("tcp://a:1", &one), Err(AuthError::Unknown { .. })));
    assert!(!file.exists());
    takes.check("tcp://a:1", &one).unwrap();
    takes.check("tcp://b:1", &other).unwrap();
    for known in [&asks, &takes] {
        known.check("tcp://a:1", &one).unwrap();
        known.check("tcp://b:1", &other).unwrap();
        assert!(matches!(known.check("tcp://a:1", &other), Err(AuthError::Changed { .. })));
    }
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
    // Somebody has edited it, without an end of line.
    fs::write(&file, format!("# mine\ntcp://a:1  {}", "01".repeat(32))).unwrap();
    takes.check("tcp://c:1", &other).unwrap();
    takes.check("tcp://a:1", &one).unwrap();
    asks.check("tcp://c:1", &other).unwrap();
    fs::write(&file, "tcp://a:1 what\n").unwrap();
    assert!(takes.check("tcp://a:1", &one).unwrap_err().to_string().contains("line 1"));
}

#[test]
fn without_a_key_only_this_machine_is_allowed() {
    let allowed =
        |admission: &AccessPolicy, url: &str| admission.check(&url.parse().unwrap()).is_ok();
    let keys = AccessPolicy::Keys(KeyFile::new("keys"));
    for url in ["tcp://127.0.0.1:0", "tcp://127.9.9.9:1", "tcp://[::1]:0", "unix:///run/x"] {
        assert!(allowed(&AccessPolicy::Local, url), "{url}");
    }
    for url in ["tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://192.0.2.1:8080", "tcp://[2001:db8::1]:1"]
    {
        assert!(!allowed(&AccessPolicy::Local, url), "{url}");
        assert!(allowed(&AccessPolicy::Insecure, url) && allowed(&keys, url), "{url}");
    }
    for policy in [&AccessPolicy::Local, &keys] {
        assert!(allowed(policy, "serial:///dev/ttyS0"));
    }
    // Only lines that lose bytes are encrypted.
    assert!(!allowed(&keys, "serial:///dev/ttyS0?lossy=false"));
}
