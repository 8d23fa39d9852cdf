//! Links that two clients make, move and replace at the same time.

use super::*;

/// The number of tries in which two stores race.
const TRIES: usize = 400;

/// R90: the check of a target counts the directories of the path.
#[test]
fn no_link_is_made_in_a_directory_that_another_client_has_moved() {
    let dir = temporary();
    let (mut one, mut other) =
        (governed(&dir, &policy(Links::Inside)), governed(&dir, &policy(Links::Inside)));
    assert_eq!(link(&mut one, "d/e/x", "y"), Ok(()));
    assert_eq!(rename(&mut other, "d/e", "f"), Ok(()));
    assert_eq!(link(&mut one, "d/e/l", "../../outside"), Ok(()));
    assert_eq!(target(&dir, "f/l"), None);
    assert_eq!(target(&dir, "d/e/l").as_deref(), Some("../../outside"));
    // The same of a directory with a link that is renamed.
    assert_eq!(link(&mut one, "m/n/q/r/l", "../../../outside"), Ok(()));
    assert_eq!(rename(&mut other, "m/n", "n"), Ok(()));
    assert_eq!(rename(&mut one, "m/n/q/r", "m/n/r"), Err(Reason::NotFound));
    assert_eq!(listing(&dir.path().join("n")), ["q"]);
}

#[test]
fn no_link_is_made_while_its_directory_is_moved() {
    let dir = temporary();
    let served = dir.path();
    let (mut one, mut other) =
        (governed(&dir, &policy(Links::Inside)), governed(&dir, &policy(Links::Inside)));
    std::thread::scope(|scope| {
        let moving = scope.spawn(move || {
            let mut moved = 0;
            for _ in 0..TRIES {
                fs::create_dir_all(served.join("d/e")).unwrap();
                moved += usize::from(rename(&mut other, "d/e", "f").is_ok());
                std::thread::yield_now();
                for entry in fs::read_dir(served.join("f")).into_iter().flatten() {
                    let path = entry.unwrap().path();
                    assert!(!path.is_symlink(), "{}", path.display());
                }
                let _ = fs::remove_dir_all(served.join("f"));
            }
            moved
        });
        let mut made = 0;
        while !moving.is_finished() {
            made += usize::from(link(&mut one, "d/e/l", "../../outside").is_ok());
            let _ = fs::remove_file(served.join("d/e/l"));
        }
        assert!(moving.join().unwrap() > 0 && made > 0);
    });
}

/// R91: another client puts a symbolic link in the place of the file.
#[test]
fn a_hard_link_is_no_name_of_a_link_that_takes_the_place_of_the_file() {
    let dir = temporary();
    fs::write(dir.path().join("real"), "real").unwrap();
    let (mut one, mut other) =
        (governed(&dir, &policy(Links::Inside)), governed(&dir, &policy(Links::Inside)));
    assert_eq!(hard_link(&mut one, "d/e/f", "real"), Ok(()));
    std::thread::scope(|scope| {
        let swapping = scope.spawn(move || {
            for _ in 0..TRIES {
                assert_eq!(link(&mut other, "d/e/f", "../../outside"), Ok(()));
                assert_eq!(hard_link(&mut other, "d/e/f", "real"), Ok(()));
            }
        });
        let mut made = 0;
        while !swapping.is_finished() {
            made += usize::from(hard_link(&mut one, "z", "d/e/f").is_ok());
            assert!(!dir.path().join("z").is_symlink());
            let _ = fs::remove_file(dir.path().join("z"));
        }
        assert!(made > 0);
    });
    assert_eq!(listing(dir.path()), ["d", "real"]);
}
