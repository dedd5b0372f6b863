//! The view of a mailbox under the changes of another session. Compiled once for each driver.
