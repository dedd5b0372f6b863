use alloc::{format, string::String};

use proptest::prelude::*;

use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn token(name: &str, life: Option<u64>, refresh_token: Option<&str>) -> Token {
    Token {
        access_token: name.into(),
        expires_in: life.map(at),
        refresh_token: refresh_token.map(Secret::from),
        refresh_token_expires_in: None,
        scope: None,
        id_token: None,
    }
}

fn held(cache: &Cache, now: u64) -> String {
    match cache.get(at(now)) {
        Cached::Fresh(token) => format!("fresh {}", token.expose()),
        Cached::Stale(token) => format!("stale {}", token.expose()),
        Cached::Expired => "expired".into(),
    }
}

fn begin(cache: &mut Cache, now: u64) -> Ticket {
    match cache.begin_refresh(at(now)) {
        Refresh::Begin(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn filled(name: &str, life: Option<u64>, now: u64, jitter: u8) -> Cache {
    let mut cache = Cache::new(Policy::DEFAULT);
    let ticket = begin(&mut cache, now);
    cache.complete(ticket, token(name, life, None), at(now), jitter);
    cache
}

#[test]
fn a_token_goes_stale_and_then_expires() {
    // (life, jitter, stale after, expired after)
    let rows = [
        (Some(3600), 0, 3300, Some(3600)),
        (Some(3600), 128, 3150, Some(3600)),
        (Some(86400), 0, 86100, Some(86400)),
        (Some(60), 0, 54, Some(60)),
        (Some(60), 255, 49, Some(60)),
        (Some(0), 0, 0, Some(0)),
        (None, 255, 3600, None),
    ];
    for (life, jitter, stale, expired) in rows {
        let cache = filled("t", life, 1000, jitter);
        let name = format!("{life:?} {jitter}");
        if stale > 0 {
            assert_eq!(held(&cache, 1000), "fresh t", "{name}");
            assert_eq!(held(&cache, 1000 + stale - 1), "fresh t", "{name}");
        }
        match expired {
            Some(expired) => {
                if stale < expired {
                    assert_eq!(held(&cache, 1000 + stale + 1), "stale t", "{name}");
                    assert_eq!(held(&cache, 1000 + expired - 1), "stale t", "{name}");
                }
                assert_eq!(held(&cache, 1000 + expired), "expired", "{name}");
            }
            None => assert_eq!(held(&cache, u64::MAX), "stale t", "{name}"),
        }
    }
}

#[test]
fn one_refreshes_at_a_time() {
    let mut cache = Cache::new(Policy::DEFAULT);
    let first = begin(&mut cache, 0);
    assert!(matches!(cache.begin_refresh(at(0)), Refresh::Running));
    assert!(matches!(cache.begin_refresh(at(119)), Refresh::Running));
    cache.complete(first, token("t1", Some(3600), None), at(119), 0);
    assert!(matches!(cache.begin_refresh(at(119)), Refresh::NotNeeded), "another was faster");

    let second = begin(&mut cache, 119 + 3301);
    assert_eq!(held(&cache, 119 + 3301), "stale t1");
    assert!(matches!(cache.begin_refresh(at(119 + 3302)), Refresh::Running));
    cache.complete(second, token("t2", Some(3600), None), at(119 + 3302), 0);
    assert_eq!(held(&cache, 119 + 3302), "fresh t2");
}

#[test]
fn a_lost_ticket_blocks_for_its_lease() {
    let mut cache = Cache::new(Policy::DEFAULT);
    let lost = begin(&mut cache, 1000);
    assert!(matches!(cache.begin_refresh(at(1119)), Refresh::Running));
    let next = begin(&mut cache, 1120);
    assert!(matches!(cache.begin_refresh(at(1120)), Refresh::Running), "the new lease counts");

    let mut late = cache.clone();
    late.complete(Ticket(lost.0), token("late", Some(3600), Some("r")), at(1000), 0);
    assert_eq!(held(&late, 1121), "fresh late", "a late token is a token");
    late.complete(Ticket(next.0), token("next", Some(3600), None), at(1120), 0);
    assert_eq!(held(&late, 1121), "fresh next");

    cache.complete(next, token("next", Some(3600), Some("r2")), at(1120), 0);
    let mut failed = cache.clone();
    failed.fail(Ticket(lost.0), at(1121), None);
    assert_eq!(held(&failed, 1121), "fresh next");
    assert!(failed.failed.is_none(), "an old failure says nothing");
    cache.complete(lost, token("late", Some(3600), Some("r1")), at(1000), 0);
    assert_eq!(held(&cache, 1121), "fresh next", "an old token is not put before a new one");
    assert_eq!(cache.refresh_token().unwrap().expose(), "r2");
}

#[test]
fn a_clock_that_steps_back_does_no_harm() {
    let mut cache = filled("t", Some(3600), 1_000_000, 0);
    assert_eq!(held(&cache, 500), "stale t", "its age is not known, so it is renewed");
    let _lost = begin(&mut cache, 1_100_000);
    assert!(matches!(cache.begin_refresh(at(500)), Refresh::Running));
    assert!(matches!(cache.begin_refresh(at(619)), Refresh::Running));
    let ticket = begin(&mut cache, 620);
    cache.fail(ticket, at(1_000_000), Some(at(86400)));
    let ticket = begin(&mut cache, 700);
    cache.complete(ticket, token("u", Some(3600), None), at(700), 0);
    assert_eq!(held(&cache, 700), "fresh u");
    assert_eq!(held(&cache, 4300), "expired");
    assert_eq!(held(&cache, 0), "stale u");
}

#[test]
fn failures_are_followed_by_growing_waits() {
    let mut cache = Cache::new(Policy::DEFAULT);
    let mut now = 0;
    for want in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        let ticket = begin(&mut cache, now);
        cache.fail(ticket, at(now), None);
        let wait = |cache: &mut Cache, now| match cache.begin_refresh(now) {
            Refresh::Wait(left) => left,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(&mut cache, at(now)), at(want));
        let millisecond = Duration::from_millis(1);
        assert_eq!(wait(&mut cache, at(now + want) - millisecond), millisecond);
        now += want;
    }
    let ticket = begin(&mut cache, now);
    cache.fail(ticket, at(now), Some(at(1000)));
    assert!(matches!(cache.begin_refresh(at(now)), Refresh::Wait(left) if left == at(1000)));
    let ticket = begin(&mut cache, now + 1000);
    cache.fail(ticket, at(now), Some(at(1)));
    assert!(
        matches!(cache.begin_refresh(at(now)), Refresh::Wait(left) if left == at(300)),
        "the longer wait counts"
    );

    let ticket = begin(&mut cache, now + 300);
    cache.complete(ticket, token("t", Some(10), None), at(now + 300), 0);
    let ticket = begin(&mut cache, now + 310);
    cache.fail(ticket, at(now + 310), None);
    assert!(
        matches!(cache.begin_refresh(at(now + 310)), Refresh::Wait(left) if left == at(1)),
        "success starts over"
    );
}

#[test]
fn only_the_refused_token_is_forgotten() {
    let mut cache = filled("new", Some(3600), 0, 0);
    cache.invalidate(&"old".into());
    assert_eq!(held(&cache, 0), "fresh new");
    cache.invalidate(&"new".into());
    assert_eq!(held(&cache, 0), "expired");
    begin(&mut cache, 0);
}

#[test]
fn the_refresh_token_stays_until_another_comes() {
    let mut cache = Cache::new(Policy::DEFAULT);
    assert!(cache.refresh_token().is_none());
    cache.set_refresh_token("r1");
    for (given, want) in [(None, "r1"), (Some("r2"), "r2"), (None, "r2")] {
        cache.store(token("t", Some(60), given), at(0), 0);
        assert_eq!(cache.refresh_token().unwrap().expose(), want);
    }
    cache.invalidate(&"t".into());
    assert_eq!(cache.refresh_token().unwrap().expose(), "r2", "a refused token does not end the grant");
}

#[test]
fn shows_no_secret() {
    let mut cache = filled("s3cret", Some(1), 0, 0);
    cache.set_refresh_token("s3cret");
    let shown = format!("{cache:?} {:?}", cache.get(at(0)));
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Pass(u64),
    Begin,
    Complete(u64, u8),
    Fail(Option<u64>),
    Lose,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..200_u64).prop_map(Act::Pass),
        Just(Act::Begin),
        (0..4000_u64, any::<u8>()).prop_map(|(life, jitter)| Act::Complete(life, jitter)),
        prop::option::of(0..400_u64).prop_map(Act::Fail),
        Just(Act::Lose),
    ]
}

proptest! {
    /// Whatever happens, nobody gets a token past its end, and no second refresh begins within a lease.
    #[test]
    fn keeps_its_promises(acts in prop::collection::vec(act(), 0..60)) {
        let mut cache = Cache::new(Policy::DEFAULT);
        let mut now = 0_u64;
        let (mut ticket, mut running_since, mut end) = (None, None, 0_u64);
        for act in acts {
            match act {
                Act::Pass(seconds) => now = seconds.saturating_add(now),
                Act::Begin => if let Refresh::Begin(next) = cache.begin_refresh(at(now)) {
                    prop_assert!(running_since.is_none_or(|since| now.abs_diff(since) >= 120));
                    (ticket, running_since) = (Some(next), Some(now));
                },
                Act::Complete(life, jitter) => if let Some(ticket) = ticket.take() {
                    cache.complete(ticket, token("t", Some(life), None), at(now), jitter);
                    (running_since, end) = (None, now.saturating_add(life));
                },
                Act::Fail(retry_after) => if let Some(ticket) = ticket.take() {
                    cache.fail(ticket, at(now), retry_after.map(at));
                    running_since = None;
                },
                Act::Lose => ticket = None,
            }
            if now >= end {
                prop_assert!(matches!(cache.get(at(now)), Cached::Expired));
            } else {
                prop_assert!(!matches!(cache.get(at(now)), Cached::Expired));
            }
        }
    }
}

#[test]
fn a_cancelled_refresh_costs_the_others_nothing() {
    let mut cache = Cache::new(Policy::DEFAULT);
    let ticket = begin(&mut cache, 0);
    assert!(matches!(cache.begin_refresh(at(0)), Refresh::Running));
    cache.cancel(ticket);
    let ticket = begin(&mut cache, 0);
    cache.fail(ticket, at(0), None);
    assert!(matches!(cache.begin_refresh(at(0)), Refresh::Wait(_)), "a failed one does");
}
