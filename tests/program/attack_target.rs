//! A server under attack: connections for attackers, and measurements of the server.

mod clients;

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use embedded_io_adapters::std::FromStd;
use tinyferry::core::checksum::{Checksums, Tables};
use tinyferry_secure::{SecureStream, SharedKey};

use crate::forged_peer::{Forger, NAMES};
use crate::harness::{self, Place, Server, content, kibibytes, snapshot, write_private};

/// The channel of the owner of a key.
pub(crate) type Channel = SecureStream<FromStd<TcpStream>, Vec<u8>>;

/// No attempt may take longer: the server of these tests waits 2 seconds for a silent client.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A server under attack, with measurements.
pub(crate) struct Target {
    pub(crate) place: Place,
    endpoint: String,
    process: u32,
    table: Vec<String>,
    before: u64,
    given: Vec<u8>,
    /// The address that attackers connect from, if it is not that of the honest clients.
    attackers: Option<Ipv4Addr>,
    /// The keys of attackers and of other clients, if the server requires keys.
    key: Option<SharedKey>,
    /// Ends with the test. It is shared between threads, which a mutex alone lets it be.
    _server: Mutex<Server>,
}

impl Target {
    /// A server for every user of this machine.
    pub(crate) fn open() -> Self {
        Self::start(Place::new(), None)
    }

    /// A server that has a key.
    pub(crate) fn locked() -> Self {
        let place = Place::new();
        write_private(&place.here("key"), &format!("shared {}\n", "5e".repeat(32)));
        Self::start(place, Some(SharedKey::new(&[0x5e; 32])))
    }

    fn start(place: Place, key: Option<SharedKey>) -> Self {
        let given = content(50_000, 8);
        fs::write(place.served("given"), &given).expect("a file");
        let file = place.here("key").display().to_string();
        let keys = if key.is_some() { &["--key", &file][..] } else { &[] };
        let limits = ["--idle", "2", "--handshake-timeout", "2"];
        let server = Server::start(&place.served(""), &[&limits, keys].concat());
        let (endpoint, process) = (server.endpoint.clone(), server.child.id());
        let (table, before, attackers) = (Vec::new(), 0, None);
        let _server = Mutex::new(server);
        let mut target =
            Self { place, endpoint, process, table, before, given, attackers, key, _server };
        target.client(&["ping"]).well();
        target.before = target.peak();
        target
    }

    /// Lets attackers connect from another address than honest clients, which then do not share the limit of
    /// clients per address with them. Other systems have one loopback address.
    pub(crate) fn separate_attackers(mut self) -> Self {
        self.attackers = cfg!(target_os = "linux").then_some(Ipv4Addr::new(127, 0, 0, 2));
        self
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    pub(crate) fn address(&self) -> &str {
        &self.endpoint["tcp://".len()..]
    }

    pub(crate) fn client(&self, arguments: &[&str]) -> harness::Ended {
        self.client_at(&self.endpoint, arguments)
    }

    fn client_at(&self, endpoint: &str, arguments: &[&str]) -> harness::Ended {
        let key = if self.key.is_some() { &["--key", "key"][..] } else { &[] };
        harness::client(endpoint, &self.place.here(""), &[arguments, key].concat())
    }

    /// The most memory that the server has had, in KiB.
    fn peak(&self) -> u64 {
        kibibytes(self.process, "VmHWM")
    }

    /// Attacks, while somebody else works all the time; a row of the table.
    pub(crate) fn under(&mut self, what: &str, attack: impl FnOnce(&Self) -> (usize, Duration)) {
        let over = AtomicBool::new(false);
        let ((tries, longest), (works, held_up)) = thread::scope(|scope| {
            let other = scope.spawn(|| self.work(&over));
            let attacked = attack(self);
            over.store(true, Ordering::SeqCst);
            (attacked, other.join().expect("no client is delayed"))
        });
        let peak = self.peak();
        self.table.push(format!(
            "| {what} | {tries} | {} ms | {peak} KiB | {works}, {} ms |",
            longest.as_millis(),
            held_up.as_millis(),
        ));
        assert!(longest < PATIENCE, "{what} took {} ms", longest.as_millis());
        assert!(held_up < Duration::from_secs(10), "{what}: others waited");
        assert!(peak < self.before + 64 * 1024, "{what}: memory grew to {peak} KiB");
    }

    /// Waits until the server has completed all work for clients that have left: a commit goes on in a thread of
    /// its own, and replaces partials while a test looks at the files.
    pub(crate) fn wait_until_idle(&self) {
        let is_busy = |task: fs::DirEntry| {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            name.starts_with("storage") || name.starts_with("127.0.0.")
        };
        let end = Instant::now() + PATIENCE;
        let tasks = format!("/proc/{}/task", self.process);
        while fs::read_dir(&tasks).is_ok_and(|tasks| tasks.flatten().any(is_busy)) {
            assert!(Instant::now() < end, "the server still works for clients that have left");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Puts, gets and lists until it is over. Returns the number of commands, and the longest time of one.
    pub(crate) fn work(&self, over: &AtomicBool) -> (usize, Duration) {
        let (mut works, mut longest) = (0, Duration::ZERO);
        while works == 0 || !over.load(Ordering::SeqCst) {
            fs::write(self.place.here("mine"), content(5000 + works, 7)).expect("a file");
            for arguments in [&["put", "mine"][..], &["get", "given", "--into", "back"], &["ping"]]
            {
                let begin = Instant::now();
                self.client(arguments).well();
                longest = longest.max(begin.elapsed());
            }
            assert!(fs::read(self.place.here("back/given")).expect("it came") == self.given);
            fs::remove_dir_all(self.place.here("back")).expect("it is there");
            works += 1;
            thread::sleep(Duration::from_millis(20));
        }
        (works, longest)
    }

    /// The bytes of a client that puts a file.
    pub(crate) fn recorded(&self) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
        let address = self.address().to_owned();
        let recorder = thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut server = TcpStream::connect(address).expect("a server");
            let (mut from, mut to) =
                (server.try_clone().expect("it"), client.try_clone().expect("it"));
            let back = thread::spawn(move || std::io::copy(&mut from, &mut to));
            let mut said = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = client.read(&mut buffer) {
                said.extend_from_slice(&buffer[..count]);
                server.write_all(&buffer[..count]).expect("it takes it");
            }
            let _ = server.shutdown(Shutdown::Write);
            let _ = back.join();
            said
        });
        fs::write(self.place.here("said"), content(5000, 6)).expect("a file");
        self.client_at(&endpoint, &["put", "said"]).well();
        recorder.join().expect("it only copies")
    }

    /// Many forgers at once; all that they have vouched for.
    pub(crate) fn forge(&mut self, sessions: u64) -> HashSet<(u64, u64)> {
        const AT_ONCE: u64 = 4;
        let mut vouched = HashSet::new();
        self.under("forged frames", |target| {
            let forge = |first| {
                let mut vouched = HashSet::new();
                let sessions = (first..sessions).step_by(AT_ONCE as usize).map(|seed| {
                    let forger = Forger::client(seed);
                    vouched.extend(forger.vouched);
                    forger.said
                });
                (count(sessions.map(|bytes| target.say(&bytes))), vouched)
            };
            thread::scope(|scope| {
                let forgers: Vec<_> =
                    (0..AT_ONCE).map(|first| scope.spawn(move || forge(first))).collect();
                forgers.into_iter().fold((0, Duration::ZERO), |(tries, longest), forger| {
                    let ((more, longer), theirs) = forger.join().expect("it only talks");
                    vouched.extend(theirs);
                    (tries + more, longest.max(longer))
                })
            })
        });
        vouched
    }

    /// Prints the table, after a last check of the served files.
    pub(crate) fn end(self) {
        self.client(&["ping"]).well();
        let rows = self.table.join("\n");
        println!(
            "| attack | tries | longest | peak memory | others' work, longest |\n|---|---|---|---|---|\n{rows}"
        );
        println!("{} KiB before", self.before);
        for name in ["mine", "said"] {
            let [ours, theirs] = [self.place.here(name), self.place.served(name)];
            assert_eq!(fs::read(ours).ok(), fs::read(theirs).ok(), "the file {name}");
        }
    }
}

/// How many there are, and which is the longest.
pub(crate) fn count(times: impl Iterator<Item = Duration>) -> (usize, Duration) {
    times.fold((0, Duration::ZERO), |(count, longest), time| (count + 1, longest.max(time)))
}

/// Fails unless all files below `root` but those `besides` were vouched for, and all names are such
/// as were offered. How many there are.
#[track_caller]
pub(crate) fn assert_vouched(
    root: &Path,
    besides: &[&str],
    vouched: &HashSet<(u64, u64)>,
) -> usize {
    let names: HashSet<_> = NAMES.iter().flat_map(|path| path.split('/')).collect();
    let mut files = 0;
    for (path, (bytes, ..)) in snapshot(root) {
        if besides.contains(&path.as_str()) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let partial = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tinyferry-part"));
        assert!(names.contains(partial.unwrap_or(name)), "{path} should not be there");
        let Some(bytes) = bytes else { continue };
        assert!(bytes.len() < 1 << 20, "{path} has {} bytes", bytes.len());
        if partial.is_none() {
            let facts = (bytes.len() as u64, Tables::crc64(0, &bytes));
            assert!(vouched.contains(&facts), "{path} has content that nobody has sent");
            files += 1;
        }
    }
    files
}
