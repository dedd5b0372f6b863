//! What fuzzing found.

use super::*;

/// Each of these was written so that it was read as something else.
#[test]
fn what_is_read_is_written_so_that_it_is_read_again() {
    let rows: &[(&str, &str)] = &[
        // A parent that is not there, between a message and its only reply, and without any.
        (
            "* THREAD ((5(()35)))\r\n",
            "[ThreadMember { message: None, level: 0 }, ThreadMember { message: Some(5), level: 1 }, ThreadMember { message: None, level: 2 }, ThreadMember { message: Some(35), level: 3 }]",
        ),
        (
            "* THREAD (0)(335(( ))964 7)\r\n",
            "[ThreadMember { message: Some(0), level: 0 }, ThreadMember { message: Some(335), level: 0 }, ThreadMember { message: Some(964), level: 1 }, ThreadMember { message: Some(7), level: 2 }]",
        ),
        ("* THREAD ((()))\r\n", "Thread([])"),
        (
            "* THREAD ( (3)(5))\r\n",
            "[ThreadMember { message: None, level: 0 }, ThreadMember { message: Some(3), level: 1 }",
        ),
    ];
    for (input, want) in rows {
        let response = parse(input.as_bytes()).unwrap_or_else(|error| panic!("{input}: {error}"));
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{input}\n{shown}");
        let again = printed(&response);
        assert_eq!(parse(&again), Ok(response), "{input} printed as {}", again.escape_ascii());
    }
}
