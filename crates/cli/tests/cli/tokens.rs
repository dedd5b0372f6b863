//! Tokens between runs: how many requests are made, what is kept and what is not trusted.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use mailbearer_mock::memory::Options;
use serde_json::Value;

use crate::harness::{World, finish, names};

/// A world in which a person logged in once, with strict rotation.
fn person() -> World {
    person_of(Options::default())
}

pub(crate) fn person_of(mut options: Options) -> World {
    options.rotating_refresh_tokens = true;
    let world = World::with(options);
    let refresh = world.server.tokens().new_refresh_token().unwrap();
    fs::write(world.path("refresh"), format!("{refresh}\n")).unwrap();
    fs::set_permissions(world.path("refresh"), fs::Permissions::from_mode(0o600)).unwrap();
    world.set("MAILBEARER_OAUTH_GRANT", "refresh_token").set("MAILBEARER_OAUTH_REFRESH_TOKEN_FILE", "refresh")
}

/// Where refresh tokens are kept.
pub(crate) fn state(world: &World) -> PathBuf {
    let folder = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" };
    world.path(folder).join("mailbearer/tokens")
}

fn refresh_token(file: &Path) -> String {
    let kept: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    kept["refresh_token"].as_str().unwrap().into()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs that many at once and gives what they printed.
fn at_once(world: &World, count: usize, arguments: &[&str]) -> Vec<String> {
    let children: Vec<_> = (0..count)
        .map(|_| {
            let mut command = world.command(arguments);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    outputs
        .map(|output| {
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        })
        .collect()
}

#[test]
fn a_token_is_kept_until_it_is_refused() {
    let world = World::new();
    let first = world.run(&["token"]).ok();
    assert_eq!(first.trim_end(), world.server.tokens().latest().unwrap());
    assert_eq!(world.run(&["token"]).ok(), first);
    assert_ne!(world.run(&["token", "--no-cache"]).ok(), first);
    assert_eq!(world.run(&["token"]).ok(), first);
    world.server.tokens().expire_all();
    world.run(&["list"]).ok();
    assert_eq!(world.server.tokens().issued(), 3, "the library asked for another");
    assert_eq!(world.run(&["token"]).ok().trim_end(), world.server.tokens().latest().unwrap());
    assert_eq!(world.server.tokens().issued(), 3, "and it was kept");
}

#[test]
fn a_short_token_is_never_kept() {
    let mut options = Options::default();
    options.token_lifetime = Duration::from_secs(200);
    let world = World::with(options);
    assert_ne!(world.run(&["token"]).ok(), world.run(&["token"]).ok());
}

/// `expires_in` of `0` does not ask twice.
#[test]
fn a_token_without_a_life_is_requested_once() {
    let mut options = Options::default();
    options.token_lifetime = Duration::ZERO;
    let world = World::with(options);
    world.run(&["token"]).ok();
    assert_eq!(world.server.tokens().issued(), 1);
}

#[test]
fn many_processes_make_one_request() {
    let world = World::new();
    let mut printed = at_once(&world, 64, &["token"]);
    printed.dedup();
    assert_eq!((printed.len(), world.server.tokens().issued()), (1, 1));

    let world = person();
    let mut printed = at_once(&world, 16, &["token"]);
    printed.dedup();
    assert_eq!((printed.len(), world.server.tokens().issued()), (1, 1));
}

/// With strict rotation one lost token is the end: each of these uses what the one before it got.
#[test]
fn many_processes_that_refresh_end_with_one_good_family() {
    let world = person();
    at_once(&world, 16, &["token", "--no-cache"]);
    assert_eq!(world.server.tokens().issued(), 16);
    let file = world.kept(&state(&world));
    assert!(world.server.tokens().is_refresh_token(&refresh_token(&file)));
    world.run(&["list"]).ok();
    assert_eq!(world.server.tokens().issued(), 16, "the kept access token was used");
}

#[test]
fn a_replaced_refresh_token_is_used_until_the_configuration_changes() {
    let world = person();
    let first = fs::read_to_string(world.path("refresh")).unwrap();
    world.run(&["list"]).ok();
    let file = world.kept(&state(&world));
    let second = refresh_token(&file);
    assert!(world.server.tokens().is_refresh_token(&second));
    world.server.tokens().expire_all();
    world.run(&["list"]).ok();
    let third = refresh_token(&file);
    assert!(world.server.tokens().is_refresh_token(&third) && third != second);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(!kept.contains(first.trim()) && !kept.contains(world.server.client_secret()), "{kept}");
    let folder = file.parent().unwrap();
    assert_eq!((mode(&file), mode(folder), names(folder).len()), (0o600, 0o700, 2));

    let next = world.server.tokens().new_refresh_token().unwrap();
    fs::write(world.path("refresh"), &next).unwrap();
    world.run(&["token"]).ok();
    assert!(!world.server.tokens().is_refresh_token(&next), "the new one was used");
    assert!(world.server.tokens().is_refresh_token(&third), "and the kept one was not");
}

#[test]
fn another_client_secret_makes_a_kept_token_stale() {
    let world = World::new();
    world.run(&["token"]).ok();
    let kept = fs::read_to_string(world.kept(&world.cache())).unwrap();
    assert!(!kept.contains(world.server.client_secret()), "{kept}");
    let world = world.set("MAILBEARER_OAUTH_CLIENT_SECRET", "another-secret");
    let outcome = world.run(&["token"]);
    outcome.failed(77, &["error: token: token endpoint refused with invalid_client …", "hint: …"]);
}

/// Spoils the file that a run left.
type Spoil = fn(&Path);

/// What is damaged, or no file, is 65; whoever else may get at it is a matter of the configuration.
const SPOILT: &[(&str, i32, Spoil)] = &[
    ("not JSON", 65, |file| fs::write(file, "{").unwrap()),
    ("of no account", 65, |file| {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, text.replace("\"account\"", "\"count\"")).unwrap();
    }),
    ("readable", 78, |file| fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap()),
    ("writable", 78, |file| fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap()),
    ("open folder", 78, |file| {
        fs::set_permissions(file.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
    }),
    ("pipe", 65, |file| {
        fs::remove_file(file).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success());
    }),
    ("link", 65, |file| {
        fs::rename(file, file.with_extension("real")).unwrap();
        std::os::unix::fs::symlink(file.with_extension("real"), file).unwrap();
    }),
    ("folder", 65, |file| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o700)).unwrap();
    }),
];

#[test]
fn trouble_with_a_kept_access_token_costs_a_warning_and_a_request() {
    for (name, _, spoil) in SPOILT {
        let world = World::new();
        let first = world.run(&["token"]).ok();
        spoil(&world.kept(&world.cache()));
        let outcome = world.run(&["token"]);
        assert_eq!((outcome.code, world.server.tokens().issued()), (Some(0), 2), "{name}: {outcome:?}");
        assert_ne!(outcome.stdout, first, "{name}");
        assert!(outcome.stderr.starts_with("warning: the kept token is not used: "), "{name}: {outcome:?}");
        assert!(outcome.stderr.contains("; mend it with: "), "{name}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{name}: {outcome:?}");
        // A file was replaced; a folder is left to whoever opened it.
        if !name.contains("folder") {
            assert_eq!(world.run(&["token"]).ok(), outcome.stdout, "{name}");
        }
    }
}

#[test]
fn trouble_with_a_kept_refresh_token_is_an_error_that_names_the_command() {
    for (name, code, spoil) in SPOILT {
        let world = person();
        world.run(&["token"]).ok();
        let file = world.kept(&state(&world));
        spoil(&file);
        let before = fs::symlink_metadata(&file).unwrap().modified().unwrap();
        let outcome = world.run(&["token", "--no-cache"]);
        outcome.failed(*code, &["error: token store …", "hint: mend it with: …"]);
        assert_eq!(world.server.tokens().issued(), 1, "{name}");
        assert_eq!(fs::symlink_metadata(&file).unwrap().modified().unwrap(), before, "{name}");
        let command = outcome.stderr.lines().last().unwrap().trim_start_matches("hint: mend it with: ");
        assert!(finish(world.shell(command), b"").code == Some(0), "{name}: {command}");
        // What was moved away does not count; the token of the configuration was used up by strict rotation.
        let again = world.run(&["token"]).code;
        assert_eq!(again, Some(if command.starts_with("chmod") { 0 } else { 77 }), "{name}");
    }
}

#[test]
fn systemd_says_where_tokens_rest() {
    for (world, variable) in [(World::new(), "CACHE_DIRECTORY"), (person(), "STATE_DIRECTORY")] {
        let folder = world.path("own");
        let value = format!("{}:/no/where", folder.display());
        let world = world.set(variable, value);
        let first = world.run(&["token"]).ok();
        assert_eq!(world.run(&["token"]).ok(), first);
        world.kept(&folder);
    }
}

#[test]
fn without_a_home_tokens_are_not_kept() {
    for world in [World::new(), person()] {
        let mut command = world.command(&["token"]);
        command.env_remove("HOME");
        let outcome = finish(command, b"");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stderr.starts_with("warning: tokens are not kept between runs: "), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
}

#[test]
fn a_client_secret_may_go_into_the_head() {
    let world = World::new().set("MAILBEARER_OAUTH_CLIENT_AUTH", "basic");
    world.run(&["list"]).ok();
    assert_eq!(world.server.tokens().issued(), 1);
}
