//! Every target in one program, which is linked once: `MAILBEARER_FUZZ_TARGET` names the one to run.

#![no_main]

use std::{env, sync::LazyLock};

use mailbearer_fuzz::{Run, TARGETS};

static RUN: LazyLock<Run> = LazyLock::new(|| {
    let wanted = env::var("MAILBEARER_FUZZ_TARGET").expect("MAILBEARER_FUZZ_TARGET names a target");
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == wanted).expect("there is a target of this name");
    *run
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| RUN(data));
