//! Endpoints in short: hosts, SSH, the configuration file, the environment.

use std::fs;
use std::process::Command;

use crate::harness::{Ended, Place, Server, assert_same, program_as_nobody, set_mode, snapshot};

/// Runs the program with these variables.
fn run(place: &Place, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    command
        .current_dir(place.here(""))
        .env("TINYFERRY_CONFIG", "")
        .env_remove("TINYFERRY_ENDPOINT");
    command.envs(variables.iter().copied());
    command.args(arguments).output().expect("the program starts").into()
}

#[test]
fn a_server_is_named_by_host_and_port_and_by_the_environment() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let address = &server.endpoint["tcp://".len()..];
    let ended = run(&place, &[], &["ping", "-e", address]).well();
    assert!(ended.stdout.starts_with(&server.endpoint), "{}", ended.stdout);
    run(&place, &[("TINYFERRY_ENDPOINT", address)], &["ping"]).well();
    // The option comes first.
    let variable = [("TINYFERRY_ENDPOINT", "http://x")];
    run(&place, &variable, &["ping", "-e", address]).well();
    let told = ["TINYFERRY_ENDPOINT: \"http://x\" is no endpoint"];
    run(&place, &variable, &["ping"]).with(2, &told);
    run(&place, &[], &["ping", "-e", "box:dir"]).with(2, &["say box:PORT or USER@box:dir"]);
}

#[test]
fn the_configuration_file_names_endpoints() {
    let place = Place::new();
    run(&place, &[], &["keygen", "box.key"]).well();
    let key = place.here("box.key");
    let key = key.to_str().expect("a path");
    let server = Server::start(&place.served(""), &["--key", key]);
    let url = &server.endpoint;
    let file = place.here("config.toml");
    let text = format!(
        "[defaults]\nendpoint = \"@box\"\n\n[endpoints.box]\nurl = \"{url}\"\nkey = \"box.key\"\n\n\
         [endpoints.open]\nurl = \"{url}\"\n"
    );
    fs::write(&file, &text).expect("a file");
    let variable = [("TINYFERRY_CONFIG", file.to_str().expect("a path"))];
    for arguments in
        [&["ping"][..], &["ping", "-e", "@box"], &["ping", "-e", url, "--key", "box.key"]]
    {
        run(&place, &variable, arguments).well();
    }
    run(&place, &variable, &["ping", "-e", "@open"]).with(7, &["--key FILE"]);
    run(&place, &variable, &["ping", "-e", "@bux"]).with(2, &["no endpoint @bux", "@box, @open"]);
    let printed = run(&place, &variable, &["config"]).well().stdout;
    assert!(printed.starts_with("# ") && printed.ends_with(&text), "{printed}");
    fs::write(&file, "[defaults]\ntimeuot = 3\n").expect("a file");
    run(&place, &variable, &["ping"]).with(2, &["config.toml", "line 2", "timeuot"]);
    fs::write(&file, "[defaults]\nendpoint = \"http://x\"\n").expect("a file");
    let told = ["config.toml", "defaults.endpoint: \"http://x\" is no endpoint"];
    run(&place, &variable, &["ping"]).with(2, &told);
}

#[test]
fn a_configuration_file_that_cannot_be_read_is_an_error() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let ping = ["ping", "-e", &server.endpoint];
    let missing = place.here("missing.toml");
    let variable = [("TINYFERRY_CONFIG", missing.to_str().expect("a path"))];
    for arguments in [&ping[..], &["config"]] {
        let told = ["missing.toml", "TINYFERRY_CONFIG", "no such file"];
        run(&place, &variable, arguments).with(2, &told);
    }
    // The user's own file.
    set_mode(place.root.path(), 0o755);
    let home = place.here("home");
    let file = home.join(".config/tinyferry/config.toml");
    fs::create_dir_all(file.parent().expect("a directory")).expect("directories");
    fs::write(&file, "").expect("a file");
    set_mode(&file, 0);
    let owner = Command::new("chown").arg("-R").arg("65534:65534").arg(&home).status();
    let Some(mut program) = program_as_nobody() else { return };
    assert!(owner.expect("chown is there").success());
    program.env_remove("TINYFERRY_CONFIG").env_remove("XDG_CONFIG_HOME").env("HOME", &home);
    let ended = Ended::from(program.args(ping).output().expect("it starts"));
    ended.with(2, &["config.toml", "cannot be read", "permission denied"]);
}

/// As after `sudo -u`: the home directory is that of another user.
#[test]
fn a_configuration_file_of_another_user_is_passed_over() {
    let place = Place::new();
    set_mode(place.root.path(), 0o755);
    let server = Server::start(&place.served(""), &[]);
    let home = place.here("home");
    fs::create_dir_all(home.join(".config/tinyferry")).expect("directories");
    fs::write(home.join(".config/tinyferry/config.toml"), "x").expect("a file");
    set_mode(&home, 0o700);
    let Some(mut ping) = program_as_nobody() else { return };
    ping.env_remove("TINYFERRY_CONFIG").env_remove("XDG_CONFIG_HOME").env("HOME", &home);
    let ended =
        Ended::from(ping.args(["ping", "-e", &server.endpoint]).output().expect("it starts"));
    let told = ["config.toml", "is ignored: it belongs to another user"];
    ended.well().with(0, &told);
    let mut config = program_as_nobody().expect("another user");
    config.env_remove("TINYFERRY_CONFIG").env_remove("XDG_CONFIG_HOME").env("HOME", &home);
    let ended = Ended::from(config.arg("config").output().expect("it starts"));
    assert!(ended.stdout.contains("belongs to another user, and is ignored"), "{}", ended.stdout);
}

/// A search path with a program `ssh` that runs its command here, in a home directory of its own.
fn path_with_ssh(place: &Place) -> String {
    let bin = place.root.path().join("bin");
    fs::create_dir(&bin).expect("a directory");
    let home = place.served("");
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2 $3\" = '-T -- me@box' ] || exit 9\ncd '{}' && exec sh -c \"$4\"\n",
        home.display()
    );
    fs::write(bin.join("ssh"), script).expect("a file");
    set_mode(&bin.join("ssh"), 0o755);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tinyferry"), bin.join("tinyferry"))
        .expect("a link");
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
}

#[test]
fn a_directory_of_another_machine_is_reached_by_ssh() {
    let place = Place::new();
    let path = path_with_ssh(&place);
    let variable = [("PATH", path.as_str())];
    let directory = place.served("it's in here");
    fs::create_dir(&directory).expect("a directory");
    fs::write(place.here("f"), "content").expect("a file");
    run(&place, &variable, &["put", "f", "-e", "me@box:it's in here"]).well();
    assert_same(&place.here(""), &directory);
    run(&place, &variable, &["rm", "f", "-e", "me@box:~/it's in here"]).well();
    assert!(!directory.join("f").exists());
    run(&place, &variable, &["put", "f", "-e", "me@box:"]).well();
    assert!(place.served("f").exists());
    run(&place, &variable, &["ping", "-e", "you@box:"]).with(4, &["you@box:", "exit status: 9"]);
    let ended = run(&place, &variable, &["put", "f", "me@box:new/dir"]);
    let ended = ended
        .with(4, &["cannot serve \"new/dir\"", "-e me@box: --to \"new/dir\" makes the directory"]);
    assert!(!ended.stderr.contains("run the same command again"), "{}", ended.stderr);
    run(&place, &variable, &["put", "f", "-e", "me@box:", "--to", "new/dir"]).well();
    assert!(place.served("new/dir/f").exists());
}

#[test]
fn a_path_names_the_server_as_for_scp() {
    let place = Place::new();
    let path = path_with_ssh(&place);
    // Nobody listens at the usual endpoint.
    let variable = [("PATH", path.as_str()), ("TINYFERRY_ENDPOINT", "tcp://127.0.0.1:1")];
    fs::create_dir_all(place.served("a/b")).expect("directories");
    for name in ["f", "g"] {
        fs::write(place.here(name), name).expect("a file");
    }
    run(&place, &variable, &["put", "f", "g", "me@box:a/b/"]).well();
    run(&place, &variable, &["put", "f", "me@box:a", "--to", "c", "--as", "h"]).well();
    for file in ["a/b/f", "a/b/g", "a/c/h"] {
        assert!(place.served(file).exists(), "{file}");
    }
    run(&place, &variable, &["get", "me@box:a/b/f", "me@box:a/b/g", "--into", "1"]).well();
    run(&place, &variable, &["get", "me@box:a/", "--into", "2"]).well();
    run(&place, &variable, &["get", "me@box:", "--into", "3"]).well();
    for file in ["1/f", "1/g", "2/a/b/f", "3/a/b/f"] {
        assert!(place.here(file).exists(), "{file}");
    }
    let server = Server::start(&place.served(""), &[]);
    let file = place.here("config.toml");
    fs::write(&file, format!("[endpoints.box]\nurl = \"{}\"\n", server.endpoint)).expect("a file");
    let variable = [("TINYFERRY_CONFIG", file.to_str().expect("a path"))];
    run(&place, &variable, &["put", "f", "@box:x/y"]).well();
    run(&place, &variable, &["get", "@box:x/y/f", "-o", "named"]).well();
    assert!(place.served("x/y/f").exists() && place.here("named").exists());
}

#[test]
fn a_path_that_names_a_server_unclearly_is_refused_with_both_readings() {
    let place = Place::new();
    for name in ["a", "me@box:local"] {
        fs::write(place.here(name), name).expect("a file");
    }
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let endpoint = server.endpoint.as_str();
    let variable = [("TINYFERRY_ENDPOINT", endpoint)];
    let names = "names a server";
    let told = |arguments: &[&str], parts: &[&str]| {
        run(&place, &variable, arguments).with(2, parts);
    };
    let both = ["may be a file here", "\"./me@box:local\"", "-e \"me@box:local\""];
    told(&["put", "a", "me@box:local"], &both);
    told(&["put", "a", "me@box:x", "-e", endpoint], &["-e and \"me@box:x\" name two servers"]);
    told(&["put", "me@box:x"], &[names, "nothing to send"]);
    told(&["put", "a", "@nobody:x"], &["no endpoint @nobody"]);
    told(&["put", "a", "tcp://box:1"], &[names, "say -e"]);
    told(&["put", "a", "--to", "me@box:x"], &[names, "say -e \"me@box:x\""]);
    told(&["get", "me@box:x", "a"], &["\"a\" does not", "given by --into"]);
    told(&["get", "me@box:x/a", "me@box:y/a"], &["in different places"]);
    told(&["get", "tcp://box/a"], &[names]);
    told(&["mirror", ".", "me@box:x"], &[names, "say -e \"me@box:x\""]);
    told(&["mirror", "--get", "@box:x", "here"], &[names, "say -e \"@box\""]);
    told(&["mv", "a", "me@box:x"], &[names]);
    for verb in ["ls", "rm", "mkdir", "df"] {
        told(&[verb, "me@box:x"], &[names, "\"./me@box:x\""]);
    }
    told(&["put", "a", "box:x/"], &["\"box:x/\" does not exist here", "\"USER@box:x/\"", "-e"]);
    told(&["put", "a", "@box"], &["\"@box\" does not exist here", "say -e \"@box\""]);
    told(&["mirror", "me@box:x", "y"], &[names, "say -e \"me@box:x\"", "--get"]);
    told(&["mirror", "box:x", "y"], &["\"USER@box:x\"", "--get"]);
    told(&["mirror", "--get", "x", "@box:y"], &[names, "say -e \"@box\""]);
    told(&["get", "x", "--into", "me@box:y"], &[names]);
    told(&["get", "x", "-o", "me@box:y"], &[names]);
    assert!(snapshot(&place.served("")).is_empty() && !place.here("@box:y").exists());
    run(&place, &variable, &["put", "./me@box:local"]).well();
    run(&place, &variable, &["get", "./me@box:local", "-o", "got"]).well();
    assert!(place.here("got").exists());
}

#[test]
fn completions_and_manual_pages_are_made() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = run(&place, &[], &["completions", shell]).well().stdout;
        assert!(text.contains("tinyferry") && text.contains("mirror"), "{shell}: {text}");
    }
    run(&place, &[], &["manpages", "man"]).well();
    let page = fs::read_to_string(place.here("man/tinyferry-put.1")).expect("a page");
    assert!(page.contains("max\\-delete"), "{page}");
    let synopsis = page.split_once(".SH SYNOPSIS\n").expect("a synopsis").1;
    assert!(synopsis.starts_with("tinyferry put [OPTIONS] <PATH>...\n.SH "), "{page}");
    assert!(place.here("man/tinyferry.1").exists());
}
