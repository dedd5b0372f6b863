//! Whether secrets leave memory: read back by the system, because safe code can't look at what it let go.

extern crate std;

use alloc::{string::String, vec::Vec};
use std::{fs::File, os::unix::fs::FileExt};

use crate::{RecvBuf, Secret, SendBuf};

/// What is in memory now where `bytes` are, or were. Empty if the system has taken the memory back.
fn memory(address: usize, length: usize) -> Vec<u8> {
    let mut found = alloc::vec![0; length];
    let memory = File::open("/proc/self/mem").unwrap();
    match memory.read_exact_at(&mut found, u64::try_from(address).unwrap()) {
        Ok(()) => found,
        Err(_) => Vec::new(),
    }
}

/// Whether a secret that was at `address` can still be found there.
fn is_there(address: usize, secret: &[u8]) -> bool {
    // An allocator keeps notes of its own at the start of what it takes back.
    let notes = 64;
    memory(address, secret.len()).get(notes..) == secret.get(notes..)
}

const SECRET: [u8; 512] = [b's'; 512];

fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr()
}

#[test]
fn memory_can_be_read() {
    let bytes = SECRET.to_vec();
    assert!(is_there(address(&bytes), &SECRET));
}

#[test]
fn a_dropped_secret_is_gone() {
    let secret = Secret::<String>::new(String::from_utf8(SECRET.to_vec()).unwrap());
    let at = address(secret.expose().as_bytes());
    assert!(is_there(at, &SECRET));
    drop(secret);
    assert!(!is_there(at, &SECRET));
}

#[test]
fn a_sent_secret_is_gone() {
    let mut tx = SendBuf::new();
    tx.push_secret(&SECRET);
    let at = address(tx.unsent());
    tx.sent(SECRET.len() - 1);
    assert!(is_there(at, &SECRET), "its end is still to be sent");
    tx.sent(1);
    assert!(!is_there(at, &SECRET));
    assert_eq!(tx.unsent(), b"");
}

#[test]
fn a_secret_that_is_never_sent_is_gone_with_its_buffer() {
    let mut tx = SendBuf::new();
    tx.push_secret(&SECRET);
    let at = address(tx.unsent());
    drop(tx);
    assert!(!is_there(at, &SECRET));
}

#[test]
fn a_buffer_that_grows_leaves_no_secret_behind() {
    let mut tx = SendBuf::new();
    tx.push_secret(&SECRET);
    let mut at = address(tx.unsent());
    tx.push(b"");
    assert_eq!(address(tx.unsent()), at, "full, but not too full");
    let mut others = Vec::new();
    for _ in 0..64 {
        // What comes to lie behind the buffer, so that it has to move when it grows.
        others.push([0; 4096].to_vec());
        tx.push(&[b'x'; 512]);
        let moved = address(tx.unsent());
        assert!(moved == at || !is_there(at, &SECRET), "the old memory still has it");
        at = moved;
    }
    assert_eq!(tx.unsent().get(..512), Some(&SECRET[..]));
}

#[test]
fn a_received_secret_is_gone_once_it_is_consumed() {
    let mut rx = RecvBuf::with_limit(4096);
    rx.extend(b"before ").unwrap();
    rx.extend(&SECRET).unwrap();
    rx.extend(b" after").unwrap();
    rx.consume(7);
    let at = address(rx.unread());
    rx.consume_secret(SECRET.len());
    assert_eq!(memory(at, SECRET.len()), [0; 512]);
    assert_eq!(rx.unread(), b" after");
}
