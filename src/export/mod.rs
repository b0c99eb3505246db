//! Renders a generation for other programs to read.
