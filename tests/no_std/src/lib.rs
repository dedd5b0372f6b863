//! Every protocol crate in a library without the standard library.
//!
//! It brings its own panic handler and allocator. A dependency on `std`, however deep, brings a second panic
//! handler, and this does not build.

#![no_std]

extern crate mailbearer_imap as _;
extern crate mailbearer_mime as _;
extern crate mailbearer_oauth as _;
extern crate mailbearer_pop3 as _;
extern crate mailbearer_sasl as _;
extern crate mailbearer_smtp as _;
extern crate mailbearer_wire as _;

use core::{
    alloc::{GlobalAlloc, Layout},
    panic::PanicInfo,
    ptr,
};

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

struct NoMemory;

// SAFETY: it never hands out memory.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
