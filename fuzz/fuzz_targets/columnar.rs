//! Parquet and Arrow files. The library catches what their readers panic with, so a panic is a crash only where the target ends with it.
#![no_main]

#[path = "../columnar.rs"]
mod columnar;
#[path = "../targets.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod fuzz_targets;

use std::panic::{catch_unwind, set_hook};
use std::sync::{Mutex, Once};

static HOOK: Once = Once::new();
static LAST: Mutex<String> = Mutex::new(String::new());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // In place of the fuzzer's hook, which ends the process at any panic.
    HOOK.call_once(|| set_hook(Box::new(|panic| *LAST.lock().unwrap() = panic.to_string())));
    if catch_unwind(|| columnar::columnar(bytes)).is_err() {
        eprintln!("{}", LAST.lock().unwrap());
        std::process::abort();
    }
});
