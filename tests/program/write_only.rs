//! A key without the right to read: its owner learns nothing of the files of the server, and changes only
//! the files that it sends.

use std::fs;
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use embedded_io::Write;
use embedded_io_adapters::std::FromStd;
use tinyferry::core::checksum::{Checksums, Tables};
use tinyferry::core::wire::{AckInfo, Code, SIGNAL_LEN, Seeds, Signal};
use tinyferry::core::{Config, Reason};
use tinyferry_kit::Frames;
use tinyferry_secure::{Identity, PrivateKey, SecureStream, SharedKey};

use crate::attack_target::Channel;
use crate::harness::{Place, Server, content, mode, set_mode, write_private};

const SESSION: u32 = 0x1234_5678;

/// A server with three keys: of two clients that may only write, and of one that may do all.
fn start(place: &Place) -> Server {
    let mut lines = String::new();
    for (name, digits, rights) in
        [("one", "1a", "write"), ("two", "2b", "write"), ("all", "3c", "read,write")]
    {
        let line = format!("shared {}", digits.repeat(32));
        write_private(&place.here(name), &format!("{line}\n"));
        lines += &format!("{line} name={name} rights={rights}\n");
    }
    write_private(&place.here("keys"), &lines);
    let keys = place.here("keys").display().to_string();
    Server::start(&place.served(""), &["--key", &keys])
}

/// The answer of the server to a client with the first key that sends these frames and then no more.
fn answers(server: &Server, frames: &Frames) -> Vec<Signal> {
    let stream = TcpStream::connect(&server.endpoint["tcp://".len()..]).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let identity = Identity::Shared(SharedKey::new(&[0x1a; 32]));
    let buffers = [(); 2].map(|()| vec![0; 8192]);
    let ephemeral = PrivateKey::new(&[7; 32]);
    let channel: Result<Channel, _> =
        SecureStream::connect(FromStd::new(stream), &identity, ephemeral, &mut (), buffers);
    let mut channel = channel.expect("the key is right");
    channel.write_all(&frames.bytes).and_then(|()| channel.close()).expect("it takes it");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = embedded_io::Read::read(&mut channel, &mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    let seeds = [0, Seeds::server(SESSION).sending];
    let signals = bytes.chunks_exact(SIGNAL_LEN).map(|frame| {
        let frame = frame.try_into().expect("36 bytes");
        seeds.iter().find_map(|seed| Signal::parse::<Tables>(*seed, frame)).expect("a signal")
    });
    signals.collect()
}

#[test]
fn a_client_that_may_only_write_learns_nothing_of_a_file_that_is_there() {
    let place = Place::new();
    let server = start(&place);
    let bytes = content(300_000, 1);
    let path = place.served("secret");
    fs::write(&path, &bytes).expect("a file");
    set_mode(&path, 0o600);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let file = fs::File::options().write(true).open(&path).expect("a file");
    file.set_modified(modified).expect("a time");
    let size = bytes.len() as u64;
    let offer = Signal::offer(1, size, size, 1_700_000_000_000_000_000);
    // With the content's digest, which it may know, but none of its bytes; and by question.
    for ending in [
        Signal::done(1, size, 2, Tables::crc64(0, &bytes)),
        Signal::ask(1, size, 1),
        Signal::refuse(1, 0, Reason::Cancelled, 0),
    ] {
        let mut frames = Frames::client(SESSION, Config::RELIABLE);
        frames.described(offer, b"secret\0\x01\x04\xff\x01\0\0");
        frames.signal(ending);
        for signal in answers(&server, &frames) {
            assert!(
                signal.code != Code::Pon || !matches!(signal.ack_info(), AckInfo::PrefixDigest(_))
            );
            let position = signal.position;
            assert!(signal.code != Code::Pon || signal.transfer != 1 || position == 0);
            assert_ne!(signal.code, Code::Don, "nothing was sent");
        }
        let metadata = path.metadata().expect("it is there");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(metadata.modified().expect("a time"), modified);
        assert!(fs::read(&path).expect("it is there") == bytes);
    }
    // The program sends all of it, and is not told that it is the same.
    fs::write(place.here("secret"), &bytes).expect("a file");
    let copy = fs::File::options().write(true).open(place.here("secret")).expect("a file");
    copy.set_modified(modified).expect("a time");
    let put = |key| server.client(&place.here(""), &["put", "--key", key, "secret"]).well().stdout;
    let told = put("one");
    assert!(told.contains("1 file, 292.97 KiB in"), "{told}");
    assert!(put("all").contains("1 was the same"));
}

#[test]
fn a_client_that_may_only_write_resumes_its_own_partials_alone() {
    let place = Place::new();
    let server = start(&place);
    let bytes = content(3 << 20, 2);
    let size = bytes.len() as u64;
    let mut frames = Frames::client(SESSION, Config::RELIABLE);
    frames.described(Signal::offer(1, size, size, 7), b"f");
    for (number, chunk) in bytes[..2 << 20].chunks(1024).enumerate() {
        frames.chunk(1, number as u64 * 1024, chunk);
    }
    answers(&server, &frames);
    fs::write(place.here("f"), &bytes).expect("a file");
    let put = |key| server.client(&place.here(""), &["put", "--key", key, "f"]).well().stdout;
    let told = put("two");
    assert!(told.contains("1 file, 3.00 MiB in"), "{told}");
    fs::remove_file(place.served("f")).expect("it came");
    let told = put("one");
    assert!(told.contains("were there already"), "{told}");
    assert!(fs::read(place.served("f")).expect("it came") == bytes);
}

#[test]
fn files_that_may_exist_are_not_replaced_where_the_server_does_not_tell() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--write-only"]);
    for (path, content) in [("served/t/f", "old"), ("here/t/f", "newer"), ("here/t/g", "g")] {
        let path = place.root.path().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content).expect("a file");
    }
    let old = || fs::read_to_string(place.served("t/f")).expect("it is there");
    for option in ["--ignore-existing", "--newer", "--existing"] {
        for arguments in [&["put", "t", option][..], &["put", "t/f", "--to", "t", option]] {
            server
                .client(&place.here(""), arguments)
                .with(3, &["does not tell which files it has"]);
            assert_eq!(old(), "old", "{arguments:?}");
        }
    }
    assert!(!place.served("t/g").exists());
    server.client(&place.here(""), &["put", "t"]).well();
    assert_eq!(old(), "newer");
}
