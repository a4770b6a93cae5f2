//! Whole files in and out: bounded reads, and writes that either happen or leave no trace.

use crate::error::{Error, ErrorKind, Result};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Reads a regular file of at most `max_bytes` bytes.
///
/// Never takes more memory than the file's size: folders, devices and pipes are refused before reading.
///
/// # Errors
/// [`ErrorKind::Io`], [`ErrorKind::WrongFormat`] for something that is not a regular file, [`ErrorKind::TooLarge`].
pub fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    // A look before opening: opening a named pipe would block until somebody writes to it.
    let metadata = fs::metadata(path).map_err(|e| Error::io(path, "open", e))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::WrongFormat, "file", "a regular file", "a folder or device").in_file(path));
    }
    let too_large = |bytes: u64| {
        Error::new(ErrorKind::TooLarge, "file", format_args!("at most {max_bytes} bytes"), format_args!("{bytes} bytes")).in_file(path)
    };
    if metadata.len() > max_bytes {
        return Err(too_large(metadata.len()));
    }
    let file = File::open(path).map_err(|e| Error::io(path, "open", e))?;
    let len = usize::try_from(metadata.len()).map_err(|_| too_large(metadata.len()))?;
    let mut bytes = crate::error::reserve("file", len).map_err(|e| e.in_file(path))?;
    // `take`: a file that grows while it is read ends where it ended when it was measured.
    file.take(metadata.len()).read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
    Ok(bytes)
}

/// Writes `bytes` to `path` so that a reader sees the old file or the new one, never a part.
///
/// A temporary file in the same folder is written, flushed to the disk and renamed; on failure it is removed and
/// whatever was at `path` stays.
///
/// # Errors
/// [`ErrorKind::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_name(path)?;
    let written = write_new(&temporary, bytes)
        .map_err(|e| Error::io(path, "write", e))
        .and_then(|()| fs::rename(&temporary, path).map_err(|e| Error::io(path, "rename", e)));
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // best effort: the first error is the one to report
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// `.NAME.PROCESS.COUNT.tmp` beside `path`: unique among threads and processes.
fn temporary_name(path: &Path) -> Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(name) = path.file_name() else {
        return Err(Error::new(ErrorKind::Io, "write", "a path that ends in a file name", path.display()).in_file(path));
    };
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("afx-io-disk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_left() {
        let dir = folder("round");
        let path = dir.join("a.bin");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two!").unwrap();
        assert_eq!(read_bounded(&path, 4).unwrap(), b"two!");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_failed_rename_keeps_the_old_content_and_leaves_no_temporary_file() {
        let dir = folder("rename");
        let target = dir.join("taken");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("inside"), b"old").unwrap(); // a folder with content cannot be replaced by a file
        assert_eq!(write_atomic(&target, b"new").unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(fs::read(target.join("inside")).unwrap(), b"old");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn large_absent_and_irregular_files_are_refused() {
        let dir = folder("bounds");
        fs::write(dir.join("five"), b"12345").unwrap();
        assert_eq!(read_bounded(&dir.join("five"), 4).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(read_bounded(&dir.join("none"), 4).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(read_bounded(&dir, 4).unwrap_err().kind(), ErrorKind::WrongFormat);
        assert_eq!(write_atomic(&dir.join("no/such/folder"), b"x").unwrap_err().kind(), ErrorKind::Io);
        fs::remove_dir_all(dir).unwrap();
    }
}
