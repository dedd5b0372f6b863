//! Whole clients on a connection in memory.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mailbearer_benches::{Client, Corpus};

fn envelopes(c: &mut Criterion) {
    let mut group = c.benchmark_group("client/envelope");
    let responses = Corpus::Listing.octets(Corpus::Listing.timed());
    group.throughput(Throughput::Bytes(responses.len().try_into().unwrap()));
    for client in Client::ALL {
        group.bench_function(BenchmarkId::from_parameter(client.name()), |b| {
            b.iter(|| client.fetch(&responses));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = envelopes
}
criterion_main!(benches);
