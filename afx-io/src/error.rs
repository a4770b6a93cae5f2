//! What can go wrong with a file, in words a person can act on.

use core::fmt::{self, Display, Write as _};
use std::io;
use std::path::{Path, PathBuf};

/// Result of everything in this crate.
pub type Result<T> = core::result::Result<T, Error>;

/// The class of a refusal, for a program that decides what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused (not found, no permission, disk full); [`core::error::Error::source`] has the reason.
    Io,
    /// The file is of another kind than the one asked for, or empty.
    WrongFormat,
    /// The file ends before what its header promises.
    Truncated,
    /// The file contradicts itself or its format.
    Malformed,
    /// The file is valid, but of a variant that this crate does not read or write.
    Unsupported,
    /// A number lies outside what is allowed.
    OutOfRange,
    /// Two things that belong together disagree: sample rates, lengths, channel counts, shapes.
    Mismatch,
    /// A sample or weight is NaN or infinite.
    NonFinite,
    /// A name or entry occurs twice.
    Duplicate,
    /// A required file, chunk, field or name is absent.
    Missing,
    /// A size exceeds a stated limit or the memory at hand.
    TooLarge,
    /// A recording holds nothing but silence.
    Silent,
}

/// One refusal: which file, which part of it, what was expected and what was found. Prints on one line.
///
/// ```
/// use afx_io::wav;
/// let error = wav::parse(b"not a wave file at all").unwrap_err();
/// assert_eq!(error.to_string(), "header: expected a RIFF/WAVE header, found \"not a wave fi\"");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    file: Option<PathBuf>,
    field: String,
    expected: String,
    found: String,
    source: Option<io::Error>,
}

impl Error {
    /// An error about `field`, with no file named yet (see [`Error::in_file`]).
    pub fn new(kind: ErrorKind, field: impl Display, expected: impl Display, found: impl Display) -> Self {
        Self { kind, file: None, field: field.to_string(), expected: expected.to_string(), found: found.to_string(), source: None }
    }

    /// An error of the operating system while doing `field` ("read", "rename", ...) to `file`.
    pub fn io(file: &Path, field: impl Display, source: io::Error) -> Self {
        let found = source.to_string();
        let error = Self::new(ErrorKind::Io, field, "success", found).in_file(file);
        Self { source: Some(source), ..error }
    }

    /// Names the file, unless an inner call already did.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file.get_or_insert_with(|| file.to_path_buf());
        self
    }

    /// The class of the refusal.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file it happened in, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The part of the file: a chunk, a field, a tensor, a line, an operation.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What would have been right.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What was there.
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            one_line(f, &file.to_string_lossy())?;
            f.write_str(": ")?;
        }
        one_line(f, &self.field)?;
        f.write_str(": expected ")?;
        one_line(f, &self.expected)?;
        f.write_str(", found ")?;
        one_line(f, &self.found)
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}

/// Writes at most 400 characters of `text`, control characters escaped, so that hostile names cannot forge a second line.
pub(crate) fn one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for (i, c) in text.chars().enumerate() {
        if i == 400 {
            return f.write_str("...");
        }
        if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
    }
    Ok(())
}

/// The memory for `len` values of type `T`, or an error instead of an abort.
pub(crate) fn reserve<T>(field: impl Display, len: usize) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    match memory.try_reserve_exact(len) {
        Ok(()) => Ok(memory),
        Err(_) => Err(Error::new(ErrorKind::TooLarge, field, "memory at hand", format_args!("{len} values"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_prints_on_one_line_whatever_the_names_hold() {
        let error = Error::new(ErrorKind::Missing, "a\nb", "c\r", "\u{1b}[0m").in_file(Path::new("evil\nname"));
        assert_eq!(error.to_string(), "evil\\nname: a\\nb: expected c\\r, found \\u{1b}[0m");
    }

    #[test]
    fn the_innermost_file_name_is_kept() {
        let error = Error::new(ErrorKind::Missing, "x", "y", "z").in_file(Path::new("inner")).in_file(Path::new("outer"));
        assert_eq!(error.file(), Some(Path::new("inner")));
    }

    #[test]
    fn a_long_text_is_cut() {
        let error = Error::new(ErrorKind::Malformed, "x", "y", "z".repeat(100_000));
        assert!(error.to_string().len() < 500);
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        assert_eq!(reserve::<f64>("x", usize::MAX / 8).unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
