//! The time for the way in, by a clock that can be moved on.

use super::*;
use crate::{
    Login,
    later::{Later, pass},
};

/// The way in ends with the login, or at once where there is none: a session may be used long after.
#[test]
fn a_session_outlives_the_time_for_the_way_in() {
    let (mock, client) = start();
    let mail = message(&client, "ann@mail.test", "late");
    let mut open = client.account().clone();
    open.login = Login::Nothing;
    for account in [client.account(), &open] {
        let client: crate::Client<Later> = crate::Client::new(account.clone()).unwrap();
        let mut smtp = client.connect_smtp().unwrap();
        let first = smtp.send(&mail);
        pass(Duration::from_secs(86_400));
        let second = smtp.send(&mail);
        for sent in [first, second] {
            let refused = sent.as_ref().is_err_and(Error::is_auth);
            assert!(sent.is_ok() || (refused && matches!(account.login, Login::Nothing)), "{sent:?}");
        }
    }
    assert_eq!(arrived(&mock).len(), 2);
}
