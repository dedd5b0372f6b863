//! Does one piece of work, for callgrind to count the instructions inside [`measured`].
//!
//! | arguments | work |
//! |---|---|
//! | `CORPUS PARSER COUNT` | parse a corpus; prints the number of responses |
//! | `CORPUS client-CLIENT COUNT` | fetch it |
//! | `ehlo PARSER COUNT`, `reply PARSER COUNT` | read what a submission server says; prints the number of replies |
//! | `retr-KIND READER SIZE` | read a message of about `SIZE` octets by POP3; prints how many octets there were |
//! | `upload UPLOADER COUNT` | send a message of `COUNT` pieces over TLS; prints how many octets it has |
//! | `mime-WORK LIBRARY SIZE` | read or write a message of about `SIZE` octets, or what is in one; prints how many octets it has |
//! | `hostile SHAPE SIZE` | read a message of about `SIZE` octets that is made to cost much |
//! | `SHAPE PIECE SIZE` | parse about `SIZE` octets that come in pieces of `PIECE`; prints how many octets there were |

use mailbearer_benches::{
    Client, Corpus, Growing, Library, Parser, Retrieval, Submission, Uploader, Work, mime, parser,
};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, how, count] = &args[..] else { panic!("three arguments, see the source") };
    let count = count.parse().expect("a number");
    if let Some(shape) = Growing::ALL.into_iter().find(|each| each.name() == input) {
        let (octets, piece) = (shape.octets(count), how.parse().expect("a number"));
        measured(|| parser::ours(&octets, piece));
        println!("{}", octets.len());
        return;
    }
    let retrieval = |each: &Retrieval| each.corpus() == input && each.reader() == how;
    if let Some(retrieval) = Retrieval::ALL.into_iter().find(retrieval) {
        let incoming = retrieval.prepare(count);
        println!("{}", measured(|| incoming.read()));
        return;
    }
    let submission = |each: &Submission| each.corpus() == input && each.parser() == how;
    if let Some(reader) = Submission::ALL.into_iter().find(submission) {
        let replies = reader.prepare(count);
        println!("{}", measured(|| replies.read()));
        return;
    }
    if input == "upload" {
        let uploader = Uploader::ALL.into_iter().find(|each| each.name() == how).expect("an uploader");
        let upload = uploader.prepare(count);
        println!("{}", measured(|| upload.run()));
        return;
    }
    if input == "hostile" {
        let work = mime::hostile::hostile(how, count);
        measured(work);
        println!("{count}");
        return;
    }
    if let Some(work) = input.strip_prefix("mime-") {
        let work = Work::ALL.into_iter().find(|each| each.name() == work).expect("a work");
        let library = Library::ALL.into_iter().find(|each| each.name() == how).expect("a library");
        let prepared = work.prepare(library, count);
        let octets = prepared.len();
        measured(|| prepared.run());
        println!("{octets}");
        return;
    }
    let corpus = Corpus::ALL.into_iter().find(|each| each.name() == input).expect("a corpus or a shape");
    let octets = corpus.octets(count);
    let responses = if let Some(client) = how.strip_prefix("client-") {
        let client = Client::ALL.into_iter().find(|each| each.name() == client).expect("a client");
        measured(|| client.fetch(&octets).0)
    } else {
        let parser = Parser::ALL.into_iter().find(|each| each.name() == how).expect("a parser");
        let prepared = parser.prepare(octets);
        measured(|| prepared.run())
    };
    println!("{responses}");
}

/// The only function whose instructions count; callgrind knows it by its name.
#[inline(never)]
fn measured(work: impl FnOnce() -> usize) -> usize {
    std::hint::black_box(work())
}
