//! What keeps a variable out of a format, in words for the user.

/// A property of one variable's name or value that a format has no way to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    NotAnIdentifier,
    ReservedByBash,
    NameRefusedByDocker,
    LineBreak,
    NotUtf8,
    Noncharacter,
    LineTooLong,
}

impl Obstacle {
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NotAnIdentifier => {
                "the name has more in it than letters, digits and `_`, or starts with a digit"
            }
            Self::ReservedByBash => "bash keeps the name for itself and would drop the value",
            Self::NameRefusedByDocker => {
                "docker reads no name that has white space in it or starts with `#` or a BOM"
            }
            Self::LineBreak => "the value has a line break, and docker reads line by line",
            Self::NotUtf8 => "the value is not UTF-8",
            Self::Noncharacter => {
                "the value has a Unicode noncharacter (such as U+FFFE), which systemd refuses"
            }
            Self::LineTooLong => "name and value are longer than the 64 KiB that docker reads",
        }
    }

    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::NotAnIdentifier | Self::NameRefusedByDocker => {
                "rename it, or use `--format json`"
            }
            Self::ReservedByBash => "rename it, or use another format",
            Self::LineBreak => "deliver it as a file, or encode it with the filter `|base64`",
            Self::LineTooLong => "deliver it as a file",
            Self::NotUtf8 => {
                "encode it with the filter `|base64`, or use `--format shell` or `dotenv`"
            }
            Self::Noncharacter => "encode it with the filter `|base64`, or use another format",
        }
    }
}
