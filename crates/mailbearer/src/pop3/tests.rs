//! Sessions on each runtime, with a server that accepts commands ahead and with one that does not.

use mailbearer_mock::{
    Server as Mock,
    memory::{Options, Personality},
};

use super::{Arrived, Removal};
use crate::{Account, Kind, Security, Server};

const MESSAGES: [&str; 3] =
    ["Subject: 1\r\n\r\n.one\r\n..\r\nlast\r\n", "Subject: 2\r\n\r\ntwo\r\n", "Subject: 3\r\n\r\n\r\n.\r\n"];

fn mock(personality: Personality) -> Mock {
    let mut options = Options::default();
    options.personality = personality;
    let mock = Mock::start(options).unwrap();
    for message in MESSAGES {
        mock.mailbox().deliver(message.as_bytes()).unwrap();
    }
    mock
}

fn account(mock: &Mock) -> Account {
    Account::custom(mock.user(), mock.token_url(), mock.scope())
        .client_credentials(mock.client_id(), mock.client_secret())
        .pop3(Server::new("localhost", mock.ports().pop3s, Security::Implicit))
        .ca_pem(mock.ca_pem())
        .unwrap()
}

fn left(mock: &Mock) -> Vec<String> {
    let messages = mock.mailbox().messages("INBOX");
    messages.iter().map(|message| String::from_utf8(message.octets.to_vec()).unwrap()).collect()
}

/// Reads all of a body.
macro_rules! text {
    ($body:expr, [$($wait:tt)*]) => {{
        let mut body = $body;
        let mut text = String::new();
        while let Some(octets) = body.next()$($wait)*.unwrap() {
            text.push_str(std::str::from_utf8(&octets).unwrap());
        }
        text
    }};
}

/// Runs a whole session. `$wait` is what waits for each result.
macro_rules! session {
    ($mock:expr, $client:expr, [$($wait:tt)*]) => {{
        let (mock, client) = ($mock, $client);
        let mut pop3 = client.connect_pop3()$($wait)*.unwrap();
        let stat = pop3.stat()$($wait)*.unwrap();
        let octets: usize = MESSAGES.iter().map(|message| message.len()).sum();
        assert_eq!((stat.count, stat.octets), (3, u64::try_from(octets).unwrap()));
        let entries = pop3.list()$($wait)*.unwrap();
        let told: Vec<_> = entries.iter().map(|entry| (entry.number, entry.octets)).collect();
        let wanted: Vec<_> =
            (1..).zip(MESSAGES).map(|(number, text)| (number, Some(u64::try_from(text.len()).unwrap()))).collect();
        assert_eq!(told, wanted);
        let uids: std::collections::BTreeSet<_> =
            entries.iter().map(|entry| entry.uid.clone().unwrap()).collect();
        assert_eq!(uids.len(), 3);

        assert_eq!(text!(pop3.fetch(1)$($wait)*.unwrap(), [$($wait)*]), MESSAGES[0]);
        assert_eq!(text!(pop3.top(1, 0)$($wait)*.unwrap(), [$($wait)*]), "Subject: 1\r\n\r\n");
        assert_eq!(text!(pop3.top(1, 1)$($wait)*.unwrap(), [$($wait)*]), "Subject: 1\r\n\r\n.one\r\n");
        let refused = pop3.fetch(9)$($wait)*.err().unwrap();
        assert!(refused.kind() == Kind::NotFound && !refused.ended_session(), "{refused}");
        // A message that nobody reads to its end is not in the way of the next.
        drop(pop3.fetch(1)$($wait)*.unwrap());
        assert_eq!(text!(pop3.fetch(3)$($wait)*.unwrap(), [$($wait)*]), MESSAGES[2]);

        let mut found = Vec::new();
        let mut messages = pop3.fetch_each([3, 9, 1]).unwrap();
        let mut body = String::new();
        while let Some(arrived) = messages.next()$($wait)*.unwrap() {
            match arrived {
                Arrived::Octets(_, octets) => body.push_str(std::str::from_utf8(&octets).unwrap()),
                Arrived::Whole(number) => found.push((number, std::mem::take(&mut body))),
                Arrived::Refused(number, error) => found.push((number, format!("{:?}", error.kind()))),
            }
        }
        drop(messages);
        let wanted = [(3, MESSAGES[2].to_owned()), (9, "NotFound".to_owned()), (1, MESSAGES[0].to_owned())];
        assert_eq!(found, wanted);
        let mut messages = pop3.fetch_each([1, 2, 3]).unwrap();
        assert!(messages.next()$($wait)*.unwrap().is_some());
        drop(messages);
        let mut heads = pop3.top_each([2], 0).unwrap();
        assert!(matches!(heads.next()$($wait)*.unwrap(), Some(Arrived::Octets(2, head)) if &*head == b"Subject: 2\r\n\r\n"));
        drop(heads);

        assert!(pop3.delete(&[1, 3])$($wait)*.unwrap().is_empty());
        assert_eq!(pop3.marked().collect::<Vec<_>>(), [1, 3]);
        pop3.reset()$($wait)*.unwrap();
        assert_eq!(pop3.marked().count(), 0);
        pop3.noop()$($wait)*.unwrap();
        let refused = pop3.delete(&[2, 9])$($wait)*.unwrap();
        assert_eq!(refused.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [9]);
        assert_eq!(left(&mock), MESSAGES, "nothing goes before QUIT");
        assert_eq!(pop3.quit()$($wait)*.unwrap(), Removal::Done(1));
        assert_eq!(left(&mock), [MESSAGES[0], MESSAGES[2]]);

        let mut pop3 = client.connect_pop3()$($wait)*.unwrap();
        assert!(pop3.delete(&[1])$($wait)*.unwrap().is_empty());
        drop(pop3);
        let pop3 = client.connect_pop3()$($wait)*.unwrap();
        assert_eq!(pop3.quit()$($wait)*.unwrap(), Removal::Nothing);
        assert_eq!(left(&mock), [MESSAGES[0], MESSAGES[2]], "a session that broke off removes nothing");
    }};
}

#[test]
fn a_session_that_blocks() {
    for personality in [Personality::Dovecot, Personality::Exchange] {
        let mock = mock(personality);
        let client = account(&mock).blocking().unwrap();
        session!(mock, client, []);
    }
}

#[cfg(feature = "tokio")]
#[test]
fn a_session_of_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().unwrap();
    for personality in [Personality::Dovecot, Personality::Exchange] {
        let mock = mock(personality);
        let client = account(&mock).tokio().unwrap();
        runtime.block_on(async { session!(mock, client, [.await]) });
    }
}

/// Exchange wants a token on a line of its own, and the preset says so; elsewhere the length of the line decides.
#[test]
fn presets_say_in_which_form_a_token_is_sent() {
    use mailbearer_pop3::AuthForm;

    use crate::Provider;

    for provider in Provider::ALL {
        let account = Account::preset(provider, "ann@example.org", None);
        let Some(server) = &account.pop3 else { continue };
        let options = super::Pop3::<crate::Blocking>::options(&account, server);
        let is_exchange = server.host.contains("office365") || server.host.contains("partner.outlook.cn");
        let want = if is_exchange { AuthForm::TwoLines } else { AuthForm::Fitting };
        assert_eq!(options.auth, want, "{provider}");
    }
}
