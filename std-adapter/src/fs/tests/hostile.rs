//! A hostile peer at either end, and a local attacker who creates links meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// Names and paths that lead elsewhere, mean something else, or cannot be.
fn attempts() -> Vec<String> {
    let mut names: Vec<String> = [
        "..",
        ".",
        "",
        "...",
        "..\\x",
        "a\\..\\..\\x",
        "\\\\server\\share",
        "C:",
        "C:\\x",
        "C:x",
        "~",
        "~root",
        "$HOME",
        "%2e%2e",
        "..%2f",
        "\u{ff0e}\u{ff0e}",
        "..\u{200b}",
        "\u{202e}..",
        "x\0y",
        "\0",
        "\n",
        "\r",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{85}",
        "a.",
        "a ",
        " a",
        "CON",
        "nul.txt",
        "AUX",
        "COM1",
        "lpt9.log",
        "f:stream",
        "f::$DATA",
        "CONIN$",
        "Outside",
        "OUTSIDE",
        "LINK",
        ".git",
        "*",
        "?",
        "|",
        "-rf",
        "link",
        "up",
        "fifo",
        "device",
        "socket",
        "hard",
        ".f.tinyferry-part",
        ".F.TINYFERRY-PART",
        ".hard.tinyferry-part",
        ".linked.tinyferry-part",
    ]
    .map(str::to_owned)
    .to_vec();
    for length in [255, 256, 960, 961, 4096] {
        names.push("n".repeat(length));
        names.push(vec!["d"; length / 2].join("/"));
    }
    let mut paths = Vec::new();
    for name in &names {
        for shape in
            ["@", "/@", "@/", "//@", "a/@", "@/x", "a/../@", "../@", "@/../../x", "./@", "up/@"]
        {
            paths.push(shape.replace('@', name));
        }
    }
    let outside = ["/etc/passwd", "../outside/secret", "up/secret", "real/../../outside/secret"];
    paths.extend(outside.map(str::to_owned));
    paths
}

/// A root with links that lead out of it, and beside it a directory that must stay unreachable.
fn trapped() -> tempfile::TempDir {
    let dir = in_memory();
    let (outside, root) = (dir.path().join("outside"), dir.path().join("root"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&root).unwrap();
    fs::create_dir(root.join("real")).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    for (link, to) in [("link", "secret"), ("up", ""), (".linked.tinyferry-part", "secret")] {
        std::os::unix::fs::symlink(outside.join(to), root.join(link)).unwrap();
    }
    for name in ["hard", ".hard.tinyferry-part"] {
        fs::hard_link(outside.join("secret"), root.join(name)).unwrap();
    }
    make_fifo(&root.join("fifo"));
    std::os::unix::fs::symlink("/dev/zero", root.join("device")).unwrap();
    std::mem::forget(std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap());
    dir
}

/// Nothing came out, and nothing but the secret is there, as it was.
fn is_untouched(dir: &tempfile::TempDir) {
    assert_eq!(listing(&dir.path().join("outside")), ["secret"]);
    assert_eq!(fs::read(dir.path().join("outside/secret")).unwrap(), b"secret");
    let beside = listing(dir.path());
    let strange: Vec<_> = beside
        .iter()
        .filter(|name| !name.starts_with("root") && !name.starts_with("outside"))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}

fn directory_of(dir: &tempfile::TempDir) -> Root {
    Root::open(dir.path().join("root")).unwrap()
}

/// Offers `path` in every way there is and takes the offer to its end; asks for it as well.
fn try_all<O: Observer>(store: &mut Directory<O>, path: &str) -> u32 {
    let takes = |store: &mut Directory<O>, offer: &Offer<'_>| {
        if store.offer(offer).is_ok() && (offer.kind != Kind::File || store.store(0, b"X").is_ok())
        {
            let _ = store.commit();
        }
    };
    takes(store, &file(path, 1));
    takes(store, &Offer { resume: u64::MAX, ..file(path, 4096) });
    takes(store, &directory(path));
    if store.offer(&tree("t")).is_ok() {
        takes(store, &file(path, 1));
        takes(store, &directory(path));
        let _ = store.commit();
    }
    if store.offer(&tree(path)).is_ok() {
        takes(store, &file("f", 1));
        let _ = store.commit();
    }
    let mut read = Vec::new();
    for is_tree in [false, true] {
        if store.open(path, is_tree).is_ok() {
            let mut name = [0; PATH_MAX];
            for _ in 0..100 {
                let Ok(Some(entry)) = store.next(&mut name) else { break };
                let mut bytes = [0; 64];
                if entry.kind == Kind::File
                    && let Ok(count) = store.load(0, &mut bytes)
                {
                    read.extend_from_slice(&bytes[..count]);
                }
            }
        }
    }
    // A hard link is a file of the directory like any other; there is no telling it apart.
    assert!(
        path.contains("hard") || path.is_empty() || !contains(&read, b"secret") || is_root(path)
    );
    8
}

/// All that is served, of which the hard link is a part.
fn is_root(path: &str) -> bool {
    path.split('/').all(|name| name.is_empty())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|found| found == part)
}

/// Tries all paths, a few at a time, since each may hang; returns how many attempts there were.
fn try_everywhere(make: impl Fn(Root) -> Directory<()> + Copy + Send + 'static) -> u32 {
    let attempts = attempts();
    let some = attempts.chunks(50).map(<[String]>::to_vec);
    let tried = some.map(|paths| {
        soon(move || {
            let mut tried = 0;
            for path in &paths {
                let dir = trapped();
                tried += try_all(&mut make(directory_of(&dir)), path);
                is_untouched(&dir);
            }
            tried
        })
    });
    tried.sum()
}

#[test]
fn no_path_escapes_from_a_server() {
    let tried = try_everywhere(|root| Directory::serving(root, ALL, Sync::Never, ()));
    println!("{tried} attempts to escape from a server, none succeeded");
}

#[test]
fn no_path_escapes_from_a_client() {
    let mut tried = 0;
    for target in ["", "wanted"] {
        tried += try_everywhere(move |root| {
            Directory::receiving(root, target.to_owned(), Sync::Never, ())
        });
    }
    println!("{tried} attempts to escape from a client, none succeeded");
}

/// While files are received and requested, another program replaces a directory of their path by a link that
/// leads out, and back. `TINYFERRY_SWAPS` says how often.
#[test]
fn no_race_with_a_link_escapes_from_the_root() {
    let swaps = std::env::var("TINYFERRY_SWAPS").map_or(2_000, |text| text.parse().unwrap());
    let dir = temporary();
    let (outside, root) = (dir.path().join("outside"), dir.path().join("root"));
    for path in [&outside, &root, &root.join("d")] {
        fs::create_dir(path).unwrap();
    }
    fs::write(outside.join("secret"), "secret").unwrap();
    fs::write(root.join("d/secret"), "public").unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    let (is_over, swapped) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut went, mut refused) = (0u64, 0u64);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The two names are exchanged at once, so that there is always something there.
            let root = fs::File::open(&root).unwrap();
            for number in 0..swaps {
                // At every moment of a transfer, sooner or later.
                for _ in 0..number * 7919 % 10_000 {
                    std::hint::spin_loop();
                }
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(&root, "d", &root, "link", flags).unwrap();
                swapped.fetch_add(1, Ordering::Relaxed);
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let opened = Root::open(&root).unwrap();
        let mut store = Directory::serving(opened, ALL, Sync::Never, ());
        let mut number = 0;
        while !is_over.load(Ordering::Relaxed) {
            number += 1;
            let name = format!("d/{}", number % 10);
            let put = store
                .offer(&file(&name, 1))
                .and_then(|_| store.store(0, b"X"))
                .and_then(|_| store.commit());
            let mut bytes = [0; 16];
            let got = store
                .open("d/secret", false)
                .and_then(|()| store.next(&mut [0; PATH_MAX]))
                .and_then(|_| store.load(0, &mut bytes));
            assert!(!contains(&bytes, b"secret"), "it was read after {number} tries");
            for is_done in [put.is_ok(), got.is_ok()] {
                *(if is_done { &mut went } else { &mut refused }) += 1;
            }
        }
    });
    assert_eq!(listing(&outside), ["secret"]);
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
    let swapped = swapped.load(Ordering::Relaxed);
    println!("{swapped} swaps: {went} transfers went inside, {refused} were refused, none escaped");
    assert_eq!(swapped, swaps);
    assert!(swaps < 1_000 || refused > 0, "the race never met a link");
}
