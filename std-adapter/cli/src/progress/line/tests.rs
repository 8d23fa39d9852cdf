use super::*;

fn state(path: &str) -> State {
    State {
        path: path.to_owned(),
        is_tree: true,
        files: 12,
        files_total: Some(345),
        bytes: 25 << 20,
        bytes_total: Some(100 << 20),
        bytes_per_second: 5 << 20,
        seconds_left: Some(15),
        ..State::default()
    }
}

#[test]
fn all_facts_are_there_if_there_is_room() {
    let path = "photos/a.jpg";
    let mut state = state(path);
    (state.files_unchanged, state.bytes_resumed, state.bytes_resent) = (7, 1 << 20, 2 << 20);
    let told = line(&state, 200);
    let facts = " 25%  25.00 MiB/100.00 MiB  12/345 files  5.00 MiB/s  0:15 left  7 unchanged  1.00 MiB resumed  \
                 2.00 MiB sent again";
    assert!(told.starts_with(path) && told.ends_with(facts), "{told}");
    assert!(told.contains("[=======                       ] "), "{told}");
    assert_eq!(told.width(), 199);
}

#[test]
fn the_line_is_narrower_than_a_terminal_of_any_width() {
    let paths = [
        "",
        "a",
        "日本語の長い名前のファイル/写真の写真.jpg",
        "e\u{301}\u{301}\u{301}e\u{301}/\u{200b}x\u{1b}[31m",
        &"directory/".repeat(30),
        "🏳️‍🌈🏳️‍🌈🏳️‍🌈🏳️‍🌈🏳️‍🌈🏳️‍🌈🏳️‍🌈🏳️‍🌈",
    ];
    for path in paths {
        let mut state = state(path);
        for (total, unchanged) in [(None, 0), (Some(100 << 20), 3), (Some(u64::MAX), u64::MAX)] {
            (state.bytes_total, state.files_unchanged) = (total, unchanged);
            for columns in 0..200 {
                let told = line(&state, columns);
                let is_narrower = told.is_empty() || told.width() < columns;
                assert!(is_narrower, "{columns}: {told}");
                assert!(!told.chars().any(char::is_control), "{told}");
            }
        }
    }
}

#[test]
fn the_most_important_facts_stay_on_a_narrow_terminal() {
    let narrow = |columns| line(&state("photos/holiday.jpg"), columns).trim().to_owned();
    assert_eq!(narrow(50), "..iday.jpg  25%  25.00 MiB/100.00 MiB  5.00 MiB/s");
    assert_eq!(narrow(40), "25%  25.00 MiB/100.00 MiB  5.00 MiB/s");
    assert_eq!(narrow(31), "25%  25.00 MiB/100.00 MiB");
    assert_eq!(narrow(10), "25%");
    assert_eq!(narrow(1), "");
    let unknown = State { bytes_total: None, ..state("f") };
    assert_eq!(line(&unknown, 10), "25.00 MiB");
}

#[test]
fn a_path_keeps_its_end() {
    assert_eq!(cut_start("photos/a.jpg", 8), "..a.jpg".to_owned().replace("..a", "../a"));
    assert_eq!(cut_start("日本語", 5), "..語");
    assert_eq!(cut_start("日本語", 6), "日本語");
    // The accent does not stay without its letter.
    assert_eq!(cut_start("ae\u{301}b", 3), "ae\u{301}b");
    assert_eq!(cut_start("aae\u{301}b", 3), "..b");
}

#[test]
fn phases_without_content_are_named_when_they_take_time() {
    let mut state = state("f");
    (state.phase, state.phase_seconds) = (Phase::Sync, 0.5);
    assert!(line(&state, 120).contains("5.00 MiB/s"));
    state.phase_seconds = 1.5;
    let told = line(&state, 120);
    assert!(told.ends_with("  sync") && !told.contains("left"), "{told}");
    state.phase = Phase::Verify;
    assert!(line(&state, 120).ends_with("  verify"));
    (state.phase, state.phase_seconds) = (Phase::Wait, 0.0);
    assert!(line(&state, 120).ends_with("  waiting"));
}
