//! The real program with boards that have nothing installed: MicroPython for Unix behind a pseudo-terminal.

mod board;
mod damage;
mod ends;
mod python;
mod resume;

use std::fs;

// Places are on disk: boards have the paths of their files in their small memory, and those in memory are longer.
use crate::harness::{Place, client, content};
use board::{Board, Options, assert_same_tree, micropython};

/// Files whose sizes are about those of chunks, and directories.
pub(super) fn make_tree(place: &Place) {
    fs::create_dir_all(place.here("tree/empty")).expect("a directory");
    fs::create_dir_all(place.here("tree/sub/deep")).expect("a directory");
    for size in [0, 1, 1023, 1024, 1025, 5_000] {
        fs::write(place.here(&format!("tree/sub/{size} e")), content(size, 3)).expect("a file");
    }
    fs::write(place.here("tree/sub/deep/code.py"), "print('hello')\n\u{3}\u{4}\n").expect("a file");
}

#[test]
fn the_server_on_boards_is_made_of_its_source() {
    let script =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../std-adapter/src/transport/repl/minify.py");
    let made = std::process::Command::new("python3").args([script, "--check"]).output();
    let Ok(made) = made else { return println!("skipped: there is no python3") };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// All commands, with 48 KiB of memory, on each file system and each kind of line.
fn takes_each_command(options: Options, settings: &str) {
    let place = Place::on_disk();
    let Some(board) = Board::start(&place, options) else { return };
    make_tree(&place);
    fs::write(place.here("file"), content(100_000, 1)).expect("a file");
    let url = board.url(settings);
    let run = |arguments: &[&str]| client(&url, &place.here(""), arguments).well();
    run(&["ping"]);
    run(&["put", "file"]);
    let told = run(&["put", "file"]).stdout;
    assert!(told.contains("1 was the same") || told.contains("unchanged"), "{told}");
    run(&["put", "tree"]);
    let told = run(&["mirror", "tree", "tree"]).stdout;
    assert!(told.contains("7 unchanged"), "{told}");
    fs::write(place.here("tree/sub/1024 e"), content(1024, 9)).expect("a file");
    fs::remove_file(place.here("tree/sub/1 e")).expect("it is there");
    let told = run(&["mirror", "tree", "tree"]).stdout;
    assert!(told.contains("removed 1 entry"), "{told}");
    run(&["get", "tree", "file", "--into", "back"]);
    assert_same_tree(&place.here("tree"), &place.here("back/tree"));
    assert_eq!(fs::read(place.here("file")).ok(), fs::read(place.here("back/file")).ok());
    assert_eq!(run(&["ls"]).stdout.lines().count(), 2);
    assert!(run(&["ls", "-R", "tree"]).stdout.contains("sub/deep/code.py"));
    assert!(run(&["df"]).stdout.contains("free"));
    run(&["mkdir", "new/deep"]);
    run(&["mv", "file", "new/deep/moved"]);
    client(&url, &place.here(""), &["rm", "new"]).with(6, &["-r removes it"]);
    run(&["rm", "-r", "new"]);
    run(&["rm", "-r", "tree"]);
    assert_eq!(run(&["ls"]).stdout, "");
    client(&url, &place.here(""), &["get", "missing"]).with(6, &["no file of that name"]);
}

#[test]
fn a_board_with_a_littlefs_takes_each_command() {
    takes_each_command(Options { files: Some("lfs"), ..Options::default() }, "");
}

#[test]
fn a_board_with_a_fat_takes_each_command() {
    takes_each_command(Options { files: Some("fat"), ..Options::default() }, "");
}

#[test]
fn a_board_on_a_uart_takes_each_command() {
    let options = Options { files: Some("lfs"), ..Options::default() };
    takes_each_command(options, "&lossy=true");
}

/// A board whose scripts cannot disable Ctrl-C, whose line ends change, and that has no native code and fewer names.
#[test]
fn a_board_with_circuitpython_takes_each_command() {
    takes_each_command(Options { is_circuit: true, ..Options::default() }, "");
}

#[test]
fn a_board_has_its_prompt_and_its_names_again() {
    let place = Place::on_disk();
    let Some(board) = Board::start(&place, Options::default()) else { return };
    fs::write(place.here("file"), content(10_000, 1)).expect("a file");
    // The board itself sets `__file__`.
    let names = "print([name for name in dir() if name[0] != '_'])";
    assert_eq!(board.ask(names), "[]");
    client(&board.url(""), &place.here(""), &["put", "file"]).well();
    assert_eq!(board.ask(names), "[]");
    // In the directory that the URL names.
    fs::create_dir(place.served("sub")).expect("a directory");
    client(&board.url("&dir=sub"), &place.here(""), &["put", "file"]).well();
    assert!(place.served("sub/file").exists());
    let told = client(&board.url("&dir=none"), &place.here(""), &["ls"]);
    told.with(4, &["cannot run on the board", "ENOENT"]);
    assert_eq!(board.ask(names), "[]");
}

#[test]
fn a_board_in_the_middle_of_a_program_is_interrupted() {
    let place = Place::on_disk();
    let program = place.here("main.py");
    let text =
        "import time\nn = 0\nwhile 1:\n    n += 1\n    print('line', n)\n    time.sleep_ms(1)\n";
    fs::write(&program, text).expect("a file");
    let Some(board) = Board::start(&place, Options { main: Some(program), ..Options::default() })
    else {
        return;
    };
    fs::write(place.here("file"), content(10_000, 1)).expect("a file");
    client(&board.url(""), &place.here(""), &["put", "file"]).well();
    assert_eq!(fs::read(place.served("file")).ok(), fs::read(place.here("file")).ok());
}

#[test]
fn a_command_leads_to_a_board() {
    let Some(python) = micropython() else { return };
    let place = Place::on_disk();
    fs::write(place.here("file"), content(50_000, 1)).expect("a file");
    let url = format!(
        "repl+exec:cd '{}' && script -qefc 'stty raw -echo && exec {} -X heapsize=64k' /dev/null",
        place.served("").display(),
        python.display()
    );
    client(&url, &place.here(""), &["put", "file"]).well();
    assert_eq!(fs::read(place.served("file")).ok(), fs::read(place.here("file")).ok());
    client("repl+exec:cat", &place.here(""), &["put", "file"]).with(4, &["only returns the bytes"]);
    let told = client("repl+exec:exit 7", &place.here(""), &["put", "file"]);
    told.with(4, &["the command has ended", "7"]);
}
