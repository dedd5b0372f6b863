//! Counts what each parser and client allocates: prints `CORPUS PARSER RESPONSES ALLOCATIONS OCTETS` lines.
//!
//! A program of its own, because the counting allocator costs instructions.

use allocation_counter::measure;
use mailbearer_benches::{Client, Corpus, Parser, Submission, Work};

fn main() {
    for corpus in Corpus::ALL {
        for parser in Parser::ALL {
            let prepared = parser.prepare(corpus.octets(corpus.sample()));
            report(corpus.name(), parser.name(), || prepared.run());
        }
    }
    let octets = Corpus::Listing.octets(Corpus::Listing.sample());
    for client in Client::ALL {
        report(Corpus::Listing.name(), &format!("client-{}", client.name()), || client.fetch(&octets).0);
    }
    for reader in Submission::ALL {
        let replies = reader.prepare(900);
        report(reader.corpus(), reader.parser(), || replies.read());
    }
    for work in Work::ALL {
        for &size in work.sizes() {
            for library in work.libraries() {
                let prepared = work.prepare(*library, size);
                // What is made once, as tables of charsets, is no cost of the work.
                prepared.clone().run();
                report(&format!("{}-{size}", work.name()), library.name(), || {
                    prepared.run();
                    1
                });
            }
        }
    }
}

fn report(corpus: &str, name: &str, work: impl FnOnce() -> usize) {
    let mut responses = 0;
    let allocated = measure(|| responses = work());
    println!("{corpus} {name} {responses} {} {}", allocated.count_total, allocated.bytes_total);
}
