//! Processor time of an upload over TLS on loopback, by each driver and by rustls alone: nanoseconds an octet, the best of
//! some runs in turn. An argument is the size in MB, 150 where there is none.

use std::fs;

use mailbearer_benches::Uploader;

fn main() {
    let megabytes: usize = std::env::args().nth(1).map_or(150, |size| size.parse().expect("a number"));
    let mut best = [f64::INFINITY; Uploader::ALL.len()];
    for _ in 0..RUNS {
        for (uploader, best) in Uploader::ALL.into_iter().zip(&mut best) {
            let upload = uploader.prepare(megabytes * 16);
            let before = processor();
            let octets = upload.run();
            *best = best.min((processor() - before) / octets as f64);
        }
    }
    let [.., rustls] = best;
    for (uploader, best) in Uploader::ALL.into_iter().zip(best) {
        println!(
            "{:<10} {best:>7.3} ns of processor an octet {:>6.2} of rustls",
            uploader.name(),
            best / rustls
        );
    }
}

/// Nanoseconds that this thread ran, in the kernel too.
fn processor() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    told.split(' ').next().expect("a number").parse().expect("a number")
}

const RUNS: usize = 5;
