//! Responses: our parser beside its peers.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mailbearer_benches::{Corpus, Parser};

/// One time per corpus, in octets per second but for bodies, where few octets are looked at.
fn responses(c: &mut Criterion) {
    for corpus in Corpus::ALL {
        let mut group = c.benchmark_group(format!("imap/responses/{}", corpus.name()));
        let octets = corpus.octets(corpus.timed());
        if !matches!(corpus, Corpus::Body1K | Corpus::Body64K | Corpus::Body1M) {
            group.throughput(Throughput::Bytes(octets.len().try_into().unwrap()));
        }
        for parser in Parser::ALL {
            let prepared = parser.prepare(octets.clone());
            group.bench_function(BenchmarkId::from_parameter(parser.name()), |b| b.iter(|| prepared.run()));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = responses
}
criterion_main!(benches);
