//! Base64 beside a copy: prints `WHAT SIZE GB/s SHARE OF-MEMORY` lines, the best of many runs each. The speed is that of the
//! octets of the file, which are read to encode them and written to decode them. The share is of a copy of the same octets in
//! the same memory, the last column of a copy of octets that are in no cache. Wall times, so nothing is asserted.
//!
//! On a Xeon of 2023 (X) and an EPYC of 2024 (E), both with AVX-512, of which encodify uses AVX2: GB/s and the share of a copy in
//! the same memory, each machine in one run:
//!
//! | octets | in | copy X | encode X | decode X | copy E | encode E | decode E |
//! |---|---|---|---|---|---|---|---|
//! | 16,000 | first cache | 133 | 14.1 (0.11) | 10.2 (0.08) | 160 | 20.2 (0.13) | 13.3 (0.08) |
//! | 57,456 | second cache | 48 | 14.5 (0.30) | 11.6 (0.24) | 131 | 20.9 (0.16) | 16.1 (0.12) |
//! | 1,000,000 | second cache and third | 32 | 12.2 (0.38) | 9.7 (0.30) | 75 | 21.0 (0.28) | 16.3 (0.22) |
//! | 16,000,000 | third cache | 14.7 | 9.6 (0.65) | 7.3 (0.50) | 37 | 19.2 (0.52) | 14.2 (0.39) |
//! | 150,000,000 | memory | 10.9 | 4.4 (0.41) | 3.8 (0.35) | 20.2 | 15.8 (0.78) | 12.9 (0.64) |
//!
//! What is in a cache is encoded at the speed of a copy in memory or more. Two thirds of a copy in the same cache is out of
//! reach with lines of 76: on E, to take the line ends out and decode nothing has 0.33, 0.42 and 0.64 of a copy in the first three
//! sizes. base64-turbo, which uses AVX-512, has 0.62, 0.74 and 0.70 there, but without any line, and 0.20, 0.24 and 0.37 behind
//! that pass. encodify decodes lines itself, about a fifth faster, but does not tell where they ended; to look there afterwards takes
//! what it gains.

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
