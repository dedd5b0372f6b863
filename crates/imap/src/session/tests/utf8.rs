use super::*;

const LOGIN: &str = "
    S: * PREAUTH [CAPABILITY IMAP4rev1 ENABLE UTF8=ACCEPT LITERAL+] hi
    E: ready
    E: authenticated";

#[test]
fn names_are_written_in_utf8_once_that_is_enabled() {
    implicit(&format!(
        "{LOGIN}
         > select Entw\u{fc}rfe
         C: A1 SELECT Entw&APw-rfe
         > command ENABLE UTF8=ACCEPT
         > select Entw\u{fc}rfe
         > noop
         C: A2 ENABLE UTF8=ACCEPT
         S: A1 OK done
         E: done A1 OK done
         S: * ENABLED UTF8=ACCEPT
         S: A2 OK done
         E: * ENABLED UTF8=ACCEPT
         E: done A2 OK done
         C: A3 SELECT \"Entw\\xc3\\xbcrfe\"
         C: A4 NOOP
         > select a&b
         C: A5 SELECT a&b"
    ));
}

#[test]
fn what_is_queued_behind_the_wish_alone_waits_for_its_answer_too() {
    implicit(&format!(
        "{LOGIN}
         > command ENABLE UTF8=ACCEPT
         > select \u{fc}
         C: A1 ENABLE UTF8=ACCEPT
         S: * ENABLED UTF8=ACCEPT
         S: A1 OK done
         E: * ENABLED UTF8=ACCEPT
         E: done A1 OK done
         C: A2 SELECT \"\\xc3\\xbc\""
    ));
    // The SELECT is queued while the ENABLE is in flight.
    implicit(&format!(
        "{LOGIN}
         > command ENABLE UTF8=ACCEPT
         C: A1 ENABLE UTF8=ACCEPT
         > select \u{fc}
         S: * ENABLED UTF8=ACCEPT
         S: A1 OK done
         E: * ENABLED UTF8=ACCEPT
         E: done A1 OK done
         C: A2 SELECT \"\\xc3\\xbc\""
    ));
}

#[test]
fn nothing_changes_where_it_is_not_enabled() {
    for enabled in ["", "S: * ENABLED", "S: * ENABLED CONDSTORE"] {
        let told = enabled.replace("S:", "E:");
        implicit(&format!(
            "{LOGIN}
             > command ENABLE UTF8=ACCEPT
             > select \u{fc}
             C: A1 ENABLE UTF8=ACCEPT
             {enabled}
             S: A1 OK done
             {told}
             E: done A1 OK done
             C: A2 SELECT &APw-"
        ));
    }
    // Nobody asked.
    implicit(&format!(
        "{LOGIN}
         S: * ENABLED UTF8=ACCEPT
         E: * ENABLED UTF8=ACCEPT
         > select \u{fc}
         C: A1 SELECT &APw-"
    ));
    // What does not change how commands are written holds nothing up.
    implicit(&format!(
        "{LOGIN}
         > command ENABLE CONDSTORE
         > select \u{fc}
         C: A1 ENABLE CONDSTORE
         C: A2 SELECT &APw-"
    ));
}
