//! Base64 beside a copy: prints `WHAT SIZE GB/s SHARE OF-MEMORY` lines, the best of many runs each. The speed is that of the
//! octets of the file, which are read to encode them and written to decode them. The share is of a copy of the same octets in
//! the same memory, the last column of a copy of octets that are in no cache. Wall times, so nothing is asserted.
//!
//! On a Xeon of 2023 (AVX-512, of which encodify uses AVX2) octets that are in a cache are encoded at 13 to 14 GB/s and decoded
//! at 8: 2.0 and 1.2 of a copy in memory, which takes 6.6. Beside a copy in the same cache that is 0.1 and 0.05 in the first cache
//! (144 GB/s), 0.26 and 0.17 in the second (49), 0.4 and 0.24 in the third (35). Of 150 MB that are in no cache it is 0.35 and
//! 0.37, and 0.62 of a copy in memory where they are encoded in pieces, as a file is sent.
//!
//! Two thirds of a copy in the same cache is out of reach with lines of 76: base64-turbo, which uses AVX-512, reaches 0.4, 0.66
//! and 0.58 in the three caches without any line, and 0.13, 0.29 and 0.33 with them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use mailbearer_benches::{Library, Work};
use mailbearer_mime::{compose::FileEncoder, decode::Base64};

fn main() {
    let file = Work::WriteBase64.prepare(Library::Ours, UNCACHED).into_input();
    let mut copied = vec![0; file.len()];
    let memory = best(|| black_box(&mut copied[..]).copy_from_slice(black_box(&file)));
    let memory = file.len() as f64 / memory.as_secs_f64();
    println!("{:<16} {:>9} {:>7} {:>7} {:>9}", "what", "octets", "GB/s", "share", "of memory");
    for size in SIZES {
        let file = Work::WriteBase64.prepare(Library::Ours, size).into_input();
        let mut copied = vec![0; file.len()];
        let copy = best(|| black_box(&mut copied[..]).copy_from_slice(black_box(&file)));

        let mut lines = Vec::with_capacity(file.len() * 3 / 2);
        let encode = best(|| {
            lines.clear();
            let mut encoder = FileEncoder::default();
            encoder.encode(black_box(&file), &mut lines);
            encoder.finish(&mut lines);
        });

        // As a large file goes out: through a buffer that stays in the cache.
        let mut piece = vec![0; PIECE];
        let copy_pieces = best(|| {
            for from in black_box(&file[..]).chunks(PIECE) {
                black_box(&mut piece[..from.len()]).copy_from_slice(from);
            }
        });
        let mut out = Vec::with_capacity(PIECE * 3 / 2);
        let encode_pieces = best(|| {
            let mut encoder = FileEncoder::default();
            for from in black_box(&file[..]).chunks(PIECE) {
                out.clear();
                encoder.encode(from, &mut out);
                black_box(&out);
            }
        });

        let mut octets = Vec::with_capacity(lines.len());
        let decode = best(|| {
            octets.clear();
            let mut decoder = Base64::default();
            decoder.decode(black_box(&lines), &mut octets);
            decoder.finish(&mut octets);
        });
        assert_eq!(octets, file);
        for (what, took, copy) in [
            ("copy", copy, copy),
            ("encode", encode, copy),
            ("decode", decode, copy),
            ("copy in pieces", copy_pieces, copy_pieces),
            ("encode in pieces", encode_pieces, copy_pieces),
        ] {
            let share = copy.as_secs_f64() / took.as_secs_f64();
            let speed = file.len() as f64 / took.as_secs_f64();
            let (gigabytes, of_memory) = (speed / 1e9, speed / memory);
            println!("{what:<16} {size:>9} {gigabytes:>7.2} {share:>7.2} {of_memory:>9.2}");
        }
    }
}

/// In the caches near the processor (the second size is a piece of a file, as it is sent), an attachment in the last of them, a
/// large one, and one in no cache.
const SIZES: [usize; 5] = [16_000, 57_456, 1_000_000, 16_000_000, UNCACHED];
const UNCACHED: usize = 150_000_000;

/// Octets of a piece.
const PIECE: usize = 65_536;

/// The shortest of all runs in a while: what disturbs a run only makes it longer.
fn best(mut work: impl FnMut()) -> Duration {
    let (begin, mut best) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < Duration::from_millis(800) {
        let run = Instant::now();
        work();
        best = best.min(run.elapsed());
    }
    best
}
