use super::*;

const LOGIN: &str = "
    S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi
    E: ready
    E: authenticated";

#[test]
fn data_is_heard_until_done() {
    implicit(&format!(
        "{LOGIN}
         > idle
         C: A1 IDLE
         S: * 3 EXISTS
         S: + idling
         E: * 3 EXISTS
         E: idling A1
         S: * 4 EXISTS
         S: * OK Still here
         E: * 4 EXISTS
         E: * OK Still here
         > done
         C: DONE
         > done
         S: * 5 EXISTS
         S: A1 OK done
         E: * 5 EXISTS
         E: done A1 OK done
         > done
         E: misuse: no IDLE is under way"
    ));
}

#[test]
fn a_command_ends_an_idle_by_itself() {
    implicit(&format!(
        "{LOGIN}
         > idle
         C: A1 IDLE
         S: + idling
         E: idling A1
         > noop
         > select INBOX
         C: DONE
         S: A1 OK done
         E: done A1 OK done
         C: A2 NOOP
         C: A3 SELECT INBOX"
    ));
}

#[test]
fn what_is_given_before_the_server_listens_waits_until_it_does() {
    for given in ["done", "noop"] {
        let next = if given == "noop" { "C: A2 NOOP" } else { "" };
        implicit(&format!(
            "{LOGIN}
             > idle
             C: A1 IDLE
             > {given}
             S: +
             E: idling A1
             C: DONE
             S: A1 OK done
             E: done A1 OK done
             {next}"
        ));
    }
}

#[test]
fn done_means_the_idle_given_last() {
    implicit(&format!(
        "{LOGIN}
         > idle
         C: A1 IDLE
         S: + idling
         E: idling A1
         > idle
         > done
         C: DONE
         S: A1 OK done
         E: done A1 OK done
         C: A2 IDLE
         S: + idling
         E: idling A2
         C: DONE"
    ));
}

#[test]
fn idle_waits_until_all_is_answered() {
    implicit(&format!(
        "{LOGIN}
         > noop
         > idle
         > done
         C: A1 NOOP
         S: A1 OK done
         E: done A1 OK done
         C: A2 IDLE
         S: + idling
         E: idling A2
         C: DONE"
    ));
}

#[test]
fn a_server_may_refuse_or_end_it() {
    implicit(&format!(
        "{LOGIN}
         > idle
         > noop
         C: A1 IDLE
         S: A1 BAD what
         E: done A1 BAD what
         C: A2 NOOP
         S: A2 OK done
         E: done A2 OK done
         > idle
         C: A3 IDLE
         S: + idling
         S: A3 OK tired
         E: idling A3
         E: done A3 OK tired
         > noop
         C: A4 NOOP"
    ));
}

#[test]
fn it_can_be_issued_again_in_time() {
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.run(LOGIN);
    assert_eq!(play.session.patience(), None);
    play.run("> idle\nC: A1 IDLE\nS: + idling\nE: idling A1");
    assert!(play.session.is_idling());
    assert_eq!(play.session.patience(), Some(Duration::from_secs(600)));
    play.run("> done\n> idle\nC: DONE\nS: A1 OK done\nE: done A1 OK done\nC: A2 IDLE");
    assert_eq!((play.session.patience(), play.session.is_idling()), (None, false));

    let hour = Options { idle: Duration::from_secs(3600), ..options(Security::Implicit) };
    let mut play = Play::new(hour, usize::MAX);
    play.run(&format!("{LOGIN}\n> idle\nC: A1 IDLE\nS: + idling\nE: idling A1"));
    assert_eq!(play.session.patience(), Some(Duration::from_secs(28 * 60)));
}
