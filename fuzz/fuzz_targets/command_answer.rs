#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sublet::fuzz::command_answer(bytes));
