//! Messages: what goes out is dot-stuffed, what comes in has its header decoded.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mail_parser::parsers::MessageStream;
use mailbearer_benches::{Library, Work, mime::Prepared};
use mailbearer_mime::decode;
use mailbearer_wire::DotEncoder;

fn stuffing(c: &mut Criterion) {
    let mut group = c.benchmark_group("smtp/stuffing");
    let line = "A line of a message as people write them, of seventy octets or so.\r\n";
    for (name, message) in [
        ("text", line.repeat(15_000)),
        ("bare-lf", line.replace('\r', "").repeat(15_000)),
        ("dots", ".\r\n".repeat(350_000)),
    ] {
        group.throughput(Throughput::Bytes(message.len().try_into().unwrap()));
        let mut out = Vec::with_capacity(2 * message.len());
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                out.clear();
                let mut encoder = DotEncoder::new();
                for piece in message.as_bytes().chunks(16 * 1024) {
                    encoder.encode(piece, &mut out, usize::MAX);
                }
                encoder.finish(&mut out);
                out.len()
            });
        });
    }
    group.finish();
}

fn encoded_words(c: &mut Criterion) {
    for (name, value) in [
        ("plain", "Minutes of the quarterly meeting and what to do until the next\r\n"),
        ("base64", "=?UTF-8?B?UsOpdW5pb24gZGUgcGxhbmlmaWNhdGlvbiB0cmltZXN0cmllbGxl?=\r\n"),
        ("quoted", "=?ISO-8859-1?Q?Gr=FC=DFe_aus_M=FCnchen?= =?ISO-8859-1?Q?_und_K=F6ln?=\r\n"),
        ("gbk", "Re: =?GBK?B?z+7Ev7340rnX3L3h?=\r\n"),
    ] {
        let mut group = c.benchmark_group(format!("mime/encoded-words/{name}"));
        let folded = value.as_bytes();
        let line = folded.strip_suffix(b"\r\n").unwrap_or(folded);
        group.bench_function("mailbearer", |b| {
            b.iter(|| black_box(decode::unstructured(black_box(line)).into_owned()));
        });
        group.bench_function("mail-parser", |b| {
            b.iter(|| black_box(MessageStream::new(black_box(folded)).parse_unstructured().into_owned()));
        });
        group.bench_function("rfc2047-decoder", |b| {
            b.iter(|| black_box(rfc2047_decoder::decode(black_box(line)).unwrap()));
        });
        group.finish();
    }
}

/// Everything that is done with messages, beside the peers; and a copy of the octets, which nothing can be faster than.
fn messages(c: &mut Criterion) {
    for work in Work::ALL {
        for &size in work.sizes() {
            let mut group = c.benchmark_group(format!("mime/{}/{size}", work.name()));
            group.throughput(Throughput::Bytes(work.prepare(Library::Ours, size).len().try_into().unwrap()));
            for &library in work.libraries() {
                let prepared = work.prepare(library, size);
                group.bench_function(library.name(), |b| {
                    b.iter_batched(|| prepared.clone(), Prepared::run, BatchSize::LargeInput);
                });
            }
            if matches!(work, Work::Base64 | Work::WriteBase64) {
                let octets = vec![b'x'; size];
                group.bench_function("a copy", |b| b.iter(|| black_box(octets.as_slice()).to_vec()));
            }
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = stuffing, encoded_words, messages
}
criterion_main!(benches);
