//! What the kernel is asked for: the only module with `unsafe` code.
