use std::{sync::Mutex, time::SystemTime};

use mailbearer_net::{Blocking, Runtime};
use mailbearer_wire::Secret;

use super::*;
use crate::{BestEffort, Token};

fn key(user: &str) -> AccountKey {
    AccountKey::new(vec![("token_url", "https://x/\"token\"".into()), ("user", user.into())])
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap()
}

fn kept(name: &str) -> Kept {
    let now = at(1_800_000_000);
    let token = Token { scope: Some("a b".into()), ..Token::new(name, Some(at(1_800_003_600))) };
    Kept {
        token: Some(token),
        stored_at: Some(now),
        refresh_token: Some("r\"e\u{1}fresh".into()),
        refresh_expires_at: Some(at(1_800_600_000)),
        client: Some("s:1".into()),
        origin: None,
    }
}

fn load(store: &impl TokenStore) -> Result<Option<Kept>, StoreError> {
    Blocking::task(async { store.load(&key("u")).await })
}

fn save(store: &impl TokenStore, name: &str) -> Result<(), StoreError> {
    Blocking::task(async { store.save(&key("u"), &kept(name)).await })
}

fn lock(store: &impl TokenStore, patience: Duration) -> Result<StoreLock, StoreError> {
    Blocking::task(async { store.lock(&key("u"), patience).await })
}

fn access(kept: &Kept) -> &str {
    kept.token.as_ref().map_or("", |token| token.access_token.expose())
}

#[test]
fn what_is_saved_is_loaded_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("a/b"));
    assert!(load(&store).unwrap().is_none());
    save(&store, "one").unwrap();
    save(&store, "two").unwrap();
    let back = load(&store).unwrap().unwrap();
    let (token, want) = (back.token.as_ref().unwrap(), kept("two"));
    assert_eq!((access(&back), token.scope.as_deref()), ("two", Some("a b")));
    assert_eq!((token.expires_at, back.stored_at), (want.token.unwrap().expires_at, want.stored_at));
    assert_eq!(back.refresh_token.as_ref().map(|token| token.expose().as_str()), Some("r\"e\u{1}fresh"));
    assert_eq!((back.client.as_deref(), back.origin.as_deref()), (Some("s:1"), None));
    assert_eq!(fs::read_dir(&store.folder).unwrap().count(), 1);
    // Another account that happens to have the same name.
    fs::copy(store.path(&key("u"), DATA), store.path(&key("v"), DATA)).unwrap();
    assert!(Blocking::task(async { store.load(&key("v")).await }).unwrap().is_none());
}

#[test]
fn a_token_is_usable_until_shortly_before_its_end() {
    let kept = kept("t");
    let rows = [(-1, false), (0, true), (3299, true), (3300, false), (100_000, false)];
    for (seconds, want) in rows {
        // Before the first of these, the clock was set back.
        let now = at(1_800_000_000_u64.checked_add_signed(seconds).unwrap());
        assert_eq!(kept.usable(now).is_some(), want, "{seconds}");
    }
    assert!(Kept { token: None, ..kept }.usable(at(1_800_000_000)).is_none());
}

#[test]
fn a_broken_text_says_what_is_wrong() {
    let text = |kept: &Kept| kept.to_text(&key("u")).expose().clone();
    let whole = text(&kept("t"));
    let empty = Kept { refresh_token: Some("".into()), ..kept("t") };
    let control = Kept { token: Some(Token::new("t\r\n", kept("t").token.unwrap().expires_at)), ..kept("t") };
    let endless = Kept { token: Some(Token::new("t", None)), ..kept("t") };
    let rows = [
        (String::new(), "it is no JSON object"),
        (whole.trim_end().trim_end_matches('}').into(), "it is no JSON object"),
        ("[".repeat(100_000), "it is no JSON object"),
        ("[]".into(), "it is no JSON object"),
        ("{}".into(), "it names no account"),
        (whole.replace("\"account\"", "\"count\""), "it names no account"),
        (whole.replace("\"access_token\":\"t\"", "\"access_token\":1"), "a text in it is none"),
        (whole.replace("1800000000", "\"soon\""), "a time in it is none"),
        (whole.replace("1800000000", "-1"), "a time in it is none"),
        (whole.replace("1800000000", "18446744073709551615"), "a time in it is none"),
        (text(&endless), "it does not say when the token expires"),
        (text(&empty), "the refresh token in it is empty"),
        (text(&control), "the access token in it is none"),
    ];
    for (text, want) in rows {
        assert_eq!(Kept::from_text(text.as_bytes(), &key("u")).err(), Some(want), "{text}");
    }
    assert!(Kept::from_text(whole.as_bytes(), &key("u")).unwrap().is_some());
}

#[test]
fn the_lock_keeps_all_others_out_and_can_be_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let held = lock(&store, Duration::ZERO).unwrap();
    assert!(load(&store).unwrap().is_none(), "a folder, and nothing in it");
    for patience in [Duration::ZERO, Duration::from_millis(40)] {
        let began = Instant::now();
        let error = lock(&store, patience).unwrap_err();
        assert!(matches!(error.trouble(), Trouble::Busy(_)), "{error}");
        assert!(began.elapsed() >= patience);
    }
    let other = store.clone();
    let waiting = thread::spawn(move || lock(&other, Duration::from_secs(60)).map(drop));
    drop(held);
    waiting.join().unwrap().unwrap();
    assert!(lock(&store, Duration::ZERO).is_ok());
    assert!(store.path(&key("u"), LOCK).exists(), "never deleted: another may be about to lock it");
}

/// Only a lock that others hold is busy: a file that can't be locked is another kind of failure.
#[cfg(target_os = "linux")]
#[test]
fn a_lock_that_fails_is_not_a_busy_one() {
    use std::os::unix::fs::OpenOptionsExt;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("lock");
    fs::write(&place, "").unwrap();
    // A handle that only names the file. The system refuses to lock it.
    let flags = i32::try_from(rustix::fs::OFlags::PATH.bits()).unwrap();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&place).unwrap();
    let error = Blocking::task(wait(place.clone(), file, Duration::from_secs(60))).unwrap_err();
    assert!(matches!(error.trouble(), Trouble::Io(_)), "{error:?}");
    assert_eq!(error.place(), place);
}

/// `kill -9` leaves no partial files with tokens for good.
#[test]
fn a_killed_writer_leaves_nothing_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    save(&store, "old").unwrap();
    fs::write(store.path(&key("u"), TEMPORARY), "{\"access_token\":\"half").unwrap();
    assert_eq!(access(&load(&store).unwrap().unwrap()), "old");
    save(&store, "new").unwrap();
    assert_eq!(access(&load(&store).unwrap().unwrap()), "new");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// With strict rotation, the token that was written and not renamed is the only valid one.
#[test]
fn what_a_killed_writer_wrote_is_found_by_the_next_that_locks() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    save(&store, "old").unwrap();
    let whole = kept("new").to_text(&key("u")).expose().clone();
    let temporary = store.path(&key("u"), TEMPORARY);
    let rows = [
        ("whole", whole.clone(), "new"),
        ("cut", whole[..whole.len() - 3].to_owned(), "old"),
        ("empty", String::new(), "old"),
        ("another account's", kept("new").to_text(&key("v")).expose().clone(), "old"),
    ];
    for (name, text, want) in rows {
        save(&store, "old").unwrap();
        fs::write(&temporary, text).unwrap();
        make_private(&temporary);
        assert_eq!(access(&load(&store).unwrap().unwrap()), "old", "{name}: a writer may be at it");
        drop(lock(&store, Duration::ZERO).unwrap());
        assert_eq!(access(&load(&store).unwrap().unwrap()), want, "{name}");
    }
    #[cfg(unix)]
    {
        fs::write(&temporary, whole).unwrap();
        fs::set_permissions(&temporary, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        drop(lock(&store, Duration::ZERO).unwrap());
        assert_eq!(access(&load(&store).unwrap().unwrap()), "old", "others could have written it");
    }
    // A process that waits for the lock finds it too.
    fs::write(&temporary, kept("new").to_text(&key("u")).expose()).unwrap();
    make_private(&temporary);
    let held = store.lock_file(&key("u")).unwrap().1;
    held.lock().unwrap();
    let other = store.clone();
    let waiting = thread::spawn(move || lock(&other, Duration::from_secs(60)).map(drop));
    drop(held);
    waiting.join().unwrap().unwrap();
    assert_eq!(access(&load(&store).unwrap().unwrap()), "new");
}

#[test]
fn whoever_waits_in_a_thread_sees_that_nobody_waits_for_him() {
    let (tell, told) = std::sync::mpsc::channel();
    let (go, going) = std::sync::mpsc::channel::<()>();
    let mut errand = Box::pin(errand::run("errand", move |caller: &Caller<()>| {
        tell.send(caller.is_gone()).unwrap();
        going.recv().unwrap();
        tell.send(caller.is_gone()).unwrap();
    }));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(errand.as_mut().poll(&mut context).is_pending());
    assert!(!told.recv().unwrap());
    drop(errand);
    go.send(()).unwrap();
    assert!(told.recv().unwrap());
}

#[test]
fn a_place_that_cannot_be_a_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let temporary = store.path(&key("u"), TEMPORARY);
    fs::create_dir(&temporary).unwrap();
    let error = save(&store, "t").unwrap_err();
    assert_eq!(error.place(), temporary);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let is_kind: fn(&Trouble) -> bool = |trouble| matches!(trouble, Trouble::Kind);
    let is_io: fn(&Trouble) -> bool = |trouble| matches!(trouble, Trouble::Io(_));
    for (place, is_right) in [(file.join("x"), is_kind), (folder.path().join("x".repeat(5000)), is_io)] {
        let error = load(&FileStore::new(place)).unwrap_err();
        assert!(is_right(error.trouble()), "{error:?}");
    }
    // There is a command for what the system forbids.
    for (place, want) in [(folder.path(), Some("chmod u+rwx ")), (&file, Some("chmod u+rw "))] {
        for (kind, want) in [(io::ErrorKind::PermissionDenied, want), (io::ErrorKind::StorageFull, None)] {
            let remedy = StoreError::new(place, Trouble::Io(kind.into())).remedy();
            assert_eq!(remedy, want.map(|want| format!("{want}'{}'", place.display())));
        }
    }
    let lenient = BestEffort::new(store, |_: &StoreError| ());
    assert!(format!("{lenient:?}").starts_with("BestEffort"));
}

fn make_private(path: &Path) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_and_folders_are_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("a/b"));
        drop(lock(&store, Duration::ZERO).unwrap());
        save(&store, "t").unwrap();
        for name in ["a", "a/b"] {
            assert_eq!(mode(&folder.path().join(name)), 0o700, "{name}");
        }
        for end in [DATA, LOCK] {
            assert_eq!(mode(&store.path(&key("u"), end)), 0o600, "{end}");
        }
    }

    /// What others could have put there is neither read nor overwritten.
    ///
    /// The token file: 0644, 0666, another user's, a 0777 folder, a FIFO, a file without `account` are refused with
    /// a word.
    #[test]
    fn what_cannot_be_trusted_is_an_error_that_names_the_command() {
        type Case = (&'static str, fn(&FileStore), fn(&Trouble) -> bool, &'static str);
        let data = |store: &FileStore| store.path(&key("u"), DATA);
        let rows: &[Case] = &[
            (
                "readable",
                |store| chmod(&store.path(&key("u"), DATA), 0o644),
                |trouble| matches!(trouble, Trouble::Exposed(0o644)),
                "chmod 600 '…'",
            ),
            (
                "writable",
                |store| chmod(&store.path(&key("u"), DATA), 0o620),
                |trouble| matches!(trouble, Trouble::Exposed(0o620)),
                "chmod 600 '…'",
            ),
            (
                "open folder",
                |store| chmod(&store.folder, 0o777),
                |trouble| matches!(trouble, Trouble::Exposed(0o777)),
                "chmod 700 '…'",
            ),
            (
                "link",
                |store| {
                    let path = store.path(&key("u"), DATA);
                    fs::rename(&path, path.with_extension("real")).unwrap();
                    symlink(path.with_extension("real"), &path).unwrap();
                },
                |trouble| matches!(trouble, Trouble::Kind),
                "mv '…' '…'.old",
            ),
            (
                "pipe",
                |store| {
                    let path = store.path(&key("u"), DATA);
                    fs::remove_file(&path).unwrap();
                    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
                },
                |trouble| matches!(trouble, Trouble::Kind),
                "mv '…' '…'.old",
            ),
            (
                "folder",
                |store| {
                    fs::remove_file(store.path(&key("u"), DATA)).unwrap();
                    fs::create_dir(store.path(&key("u"), DATA)).unwrap();
                },
                |trouble| matches!(trouble, Trouble::Kind | Trouble::Exposed(_)),
                "",
            ),
            (
                "no token",
                |store| fs::write(store.path(&key("u"), DATA), "x").unwrap(),
                |trouble| matches!(trouble, Trouble::Malformed(_)),
                "mv '…' '…'.old",
            ),
        ];
        for (name, spoil, is_right, remedy) in rows {
            let folder = tempfile::tempdir().unwrap();
            let store = FileStore::new(folder.path().join("it's"));
            save(&store, "t").unwrap();
            spoil(&store);
            let error = load(&store).unwrap_err();
            assert!(is_right(error.trouble()), "{name}: {error:?}");
            let quoted = |path: &Path| path.display().to_string().replace('\'', "'\\''");
            let place =
                if error.place() == store.folder { quoted(&store.folder) } else { quoted(&data(&store)) };
            if !remedy.is_empty() {
                assert_eq!(error.remedy().unwrap(), remedy.replace('…', &place), "{name}");
            }
            // The same in a best-effort store: one warning, and nothing more.
            let warnings = Mutex::new(Vec::new());
            let lenient =
                BestEffort::new(store, |error: &StoreError| warnings.lock().unwrap().push(error.to_string()));
            assert!(load(&lenient).unwrap().is_none(), "{name}");
            drop(lock(&lenient, Duration::ZERO).unwrap());
            assert!(load(&lenient).unwrap().is_none(), "{name}");
            save(&lenient, "next").unwrap();
            assert_eq!(warnings.lock().unwrap().len(), 1, "{name}");
        }
    }

    #[test]
    fn another_users_folder_is_not_used() {
        // A folder that always exists, and that belongs to root, or at least not to whoever runs the tests.
        let foreign = if rustix::process::geteuid().is_root() { None } else { Some(Path::new("/usr")) };
        let folder = tempfile::tempdir().unwrap();
        let place = foreign.unwrap_or(folder.path());
        if foreign.is_none() {
            let nobody = Some(rustix::fs::Uid::from_raw(65534));
            rustix::fs::chown(place, nobody, None).unwrap();
        }
        let error = load(&FileStore::new(place)).unwrap_err();
        assert!(matches!(error.trouble(), Trouble::Foreign), "{error}");
        assert!(error.remedy().unwrap().starts_with("sudo chown "), "{error}");
    }

    #[test]
    fn a_failed_save_leaves_the_old_state() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path());
        save(&store, "old").unwrap();
        // The name belongs to something that can't be replaced.
        let path = store.path(&key("u"), DATA);
        fs::rename(&path, folder.path().join("aside")).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(save(&store, "new").is_err());
        assert!(!store.path(&key("u"), TEMPORARY).exists());
        fs::remove_dir(&path).unwrap();
        fs::rename(folder.path().join("aside"), &path).unwrap();
        assert_eq!(access(&load(&store).unwrap().unwrap()), "old");
    }
}

#[test]
fn names_are_the_same_in_each_version() {
    let key = AccountKey::new(vec![("a", "foobar".into())]);
    assert_eq!(AccountKey::new(Vec::new()).name(), "token-cbf29ce484222325");
    assert_eq!(key.name(), "token-34531ca7168b8f38");
    assert_ne!(key.name(), AccountKey::new(vec![("a", "foo".into()), ("b", "bar".into())]).name());
    let _: Secret = kept("t").to_text(&key);
}
