//! What a file that would not run says of itself: its interpreter, or the machine it was built for.
//!
//! Read after `execve` has failed, to explain it.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;

/// As much of a `#!` line as the kernel reads.
const SCRIPT_HEAD: usize = 256;

/// How many interpreters may follow from one another: the kernel gives up at five.
const DEPTH: usize = 5;

/// A program header table longer than this is refused by the kernel.
const TABLE_SIZE: usize = 64 << 10;

/// The longest path, with its NUL.
const PATH_LENGTH: usize = 4096;

const MAGIC: &[u8] = b"\x7fELF";

/// The machine that an ELF file is built for; none if it is no ELF file, or cannot be read.
pub(super) fn machine(path: &CStr) -> Option<&'static str> {
    let file = open(OsStr::from_bytes(path.to_bytes())).ok()?;
    let mut head = [0; 20];
    file.read_exact_at(&mut head, 0).ok()?;
    machine_of(&head)
}

fn machine_of(head: &[u8; 20]) -> Option<&'static str> {
    if !head.starts_with(MAGIC) {
        return None;
    }
    let machine = [head[18], head[19]];
    let machine =
        if head[5] == 2 { u16::from_be_bytes(machine) } else { u16::from_le_bytes(machine) };
    // Named as `std::env::consts::ARCH` names them.
    Some(match machine {
        3 => "x86",
        8 => "mips",
        20 => "powerpc",
        21 => "powerpc64",
        22 => "s390x",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        258 => "loongarch64",
        _ => "another machine",
    })
}

/// The first interpreter that is not there, on the way from a program to what would run it: a script's, or a dynamic
/// program's loader.
pub(super) fn missing_interpreter(program: &OsStr) -> Option<OsString> {
    let mut file = program.to_owned();
    for _ in 0..DEPTH {
        let next = interpreter(&file)?;
        if fs::metadata(&next).is_err() {
            return Some(next);
        }
        file = next;
    }
    None
}

/// What the kernel would run for this file: named in its `#!` line, or in its program header.
pub(super) fn interpreter(program: &OsStr) -> Option<OsString> {
    let file = open(program).ok()?;
    let mut head = [0; SCRIPT_HEAD];
    let length = file.read_at(&mut head, 0).ok()?;
    let head = &head[..length];
    let interpreter = match head.strip_prefix(b"#!") {
        Some(line) => script_interpreter(line),
        None if head.starts_with(MAGIC) => loader(&file, head),
        None => None,
    }?;
    (!interpreter.is_empty()).then(|| OsString::from_vec(interpreter))
}

/// The first word of the line; a carriage return belongs to it, as it does for the kernel.
fn script_interpreter(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.split(|&byte| byte == b'\n' || byte == 0).next()?;
    line.split(|&byte| byte == b' ' || byte == b'\t')
        .find(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
}

/// The loader of a dynamically linked ELF program for this machine.
fn loader(file: &File, head: &[u8]) -> Option<Vec<u8>> {
    const LOADER: u32 = 3; // PT_INTERP
    let wide = *head.get(4)? == 2;
    let (table, entry_size, entries) = if wide {
        (word(head, 32)?, half(head, 54)?, half(head, 56)?)
    } else {
        (u64::from(long(head, 28)?), half(head, 42)?, half(head, 44)?)
    };
    let table_size = usize::from(entry_size) * usize::from(entries);
    // The sizes are the file's word: no more is believed than the kernel would.
    let mut headers = vec![0; Some(table_size).filter(|&size| size <= TABLE_SIZE)?];
    file.read_exact_at(&mut headers, table).ok()?;
    let header = headers
        .chunks_exact(usize::from(entry_size.max(1)))
        .find(|header| long(header, 0) == Some(LOADER))?;
    let (offset, length) = if wide {
        (word(header, 8)?, word(header, 32)?)
    } else {
        (u64::from(long(header, 4)?), u64::from(long(header, 16)?))
    };
    let mut path = vec![0; usize::try_from(length).ok().filter(|&length| length <= PATH_LENGTH)?];
    file.read_exact_at(&mut path, offset).ok()?;
    path.truncate(path.iter().position(|&byte| byte == 0).unwrap_or(path.len()));
    Some(path)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Never a pipe or a device: opening one could wait for ever.
fn open(path: &OsStr) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_its_interpreter_as_the_kernel_reads_it() {
        let name = |line: &[u8]| script_interpreter(line).unwrap_or_default();
        assert_eq!(name(b"/bin/sh\n"), b"/bin/sh");
        assert_eq!(name(b" \t/usr/bin/env python3 -u\nmore"), b"/usr/bin/env");
        assert_eq!(name(b"/bin/sh"), b"/bin/sh");
        assert_eq!(name(b"/bin/sh\r\n"), b"/bin/sh\r");
        assert_eq!(name(b"\n/bin/sh"), b"");
        assert_eq!(name(b"  \n"), b"");
    }

    #[test]
    fn the_machine_is_read_in_its_own_byte_order() {
        let mut head = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0";
        assert_eq!(machine_of(&head), Some("aarch64"));
        head[5] = 2;
        head[18..].copy_from_slice(&[0, 22]);
        assert_eq!(machine_of(&head), Some("s390x"));
        head[0] = b'#';
        assert_eq!(machine_of(&head), None);
    }

    #[test]
    fn headers_that_lead_outside_the_file_name_nothing() {
        let file = File::open("/dev/null").unwrap();
        let mut head = [0xff; 64];
        head[..5].copy_from_slice(b"\x7fELF\x02");
        assert_eq!(loader(&file, &head), None);
        assert_eq!(loader(&file, &head[..5]), None);
        assert_eq!(loader(&file, &head[..40]), None);
    }

    #[test]
    fn a_dynamic_program_names_its_loader() {
        // The test itself is one on glibc, and has none on musl.
        let own = std::env::current_exe().unwrap();
        let loader = interpreter(own.as_os_str());
        assert_eq!(loader.is_some(), cfg!(target_env = "gnu"));
        assert_eq!(missing_interpreter(own.as_os_str()), None);
    }
}
