use super::read::command;

#[test]
fn the_command_line_is_consistent() {
    command().debug_assert();
}

#[test]
fn the_options_of_a_command_do_not_change_its_description() {
    let mut whole = command();
    whole.build();
    for subcommand in command().get_subcommands() {
        let built = whole.find_subcommand(subcommand.get_name()).expect("it is the same command");
        let of = |command: &clap::Command| command.get_about().map(ToString::to_string);
        assert!(of(subcommand).is_some());
        assert_eq!(
            of(built),
            of(subcommand),
            "the doc comment of its options has become its description"
        );
    }
}

#[test]
fn a_value_may_begin_with_a_hyphen() {
    let mut whole = command();
    whole.build();
    for subcommand in whole.get_subcommands() {
        for argument in subcommand.get_arguments() {
            let takes = !argument.is_positional() && argument.get_action().takes_values();
            assert_eq!(argument.is_allow_hyphen_values_set(), takes, "{argument}");
        }
    }
    for words in [
        &["put", "f", "--to", "-d"][..],
        &["put", "f", "--to", "--to"],
        &["get", "f", "--into", "-"],
        &["put", "--key", "-k", "--", "-f"],
        &["serve", "-", "--key", "-k"],
    ] {
        let words = [&["tinyferry"], words].concat();
        assert!(command().try_get_matches_from(&words).is_ok(), "{words:?}");
    }
    assert!(command().try_get_matches_from(["tinyferry", "put", "-d"]).is_err());
}
