//! Whole files in and out: bounded reads, and writes that either happen or leave no trace.

use crate::error::{Error, ErrorKind, Result};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Reads a regular file of at most `max_bytes` bytes.
///
/// Never takes more memory than the file's size: folders, devices and pipes are refused before reading.
///
/// # Errors
/// [`ErrorKind::Io`], [`ErrorKind::WrongFormat`] for something that is not a regular file, [`ErrorKind::TooLarge`].
pub fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    read_of_kind(path, max_bytes, |_| Ok(()))
}

/// As much of a file's start as tells its kind.
pub(crate) const START: usize = 8192;

/// [`read_bounded`] of a file whose first [`START`] bytes `check` takes: gigabytes of another kind are refused before they are read.
pub(crate) fn read_of_kind(path: &Path, max_bytes: u64, check: impl Fn(&[u8]) -> Result<()>) -> Result<Vec<u8>> {
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
    // `take`: a file that grows while it is read ends where it ended when it was measured.
    let mut file = file.take(metadata.len());
    let mut start = Vec::new();
    file.by_ref().take(START as u64).read_to_end(&mut start).map_err(|e| Error::io(path, "read", e))?;
    check(&start).map_err(|e| e.in_file(path))?;
    let mut bytes = crate::error::reserve("file", len).map_err(|e| e.in_file(path))?;
    bytes.append(&mut start);
    file.read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
    Ok(bytes)
}

/// Writes `bytes` to `path` so that a reader sees the old file or the new one, never a part.
///
/// A temporary file in the same folder is written, flushed to the disk and renamed; on failure it is removed and
/// whatever was at `path` stays. On Unix the new file has the old one's mode, and its owner and group where the system lets them be given.
/// A symbolic link stays one: the file that it leads to is written. What is neither a file nor a folder, such as a device or a pipe,
/// cannot be replaced and is written as it is.
///
/// # Errors
/// [`ErrorKind::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let old = match fs::metadata(path) {
        Ok(there) if !there.is_file() && !there.is_dir() => {
            let written = OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(bytes));
            return written.map_err(|e| Error::io(path, "write", e));
        }
        // Symbolic links in a circle, for example.
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(path, "write", e)),
        there => there.ok(),
    };
    let place = end_of_links(path);
    let Some(name) = place.file_name() else {
        return Err(Error::new(ErrorKind::Io, "write", "a path that ends in a file name", path.display()).in_file(path));
    };
    let names = (0..TRIES).map(|_| place.with_file_name(temporary_name(name)));
    let (temporary, file) = create_new(names).map_err(|e| Error::io(path, "write", e))?;
    if let Some(old) = old {
        keep_access(&file, &old);
    }
    let written = fill(file, bytes)
        .map_err(|e| Error::io(path, "write", e))
        .and_then(|()| fs::rename(&temporary, &place).map_err(|e| Error::io(path, "rename", e)));
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // best effort: the first error is the one to report
    }
    written
}

/// How many names for a temporary file are tried; one in 2^64 is taken by chance.
const TRIES: usize = 16;
/// The most symbolic links that are followed, as in Linux.
const LINKS: usize = 40;

/// Where the symbolic links that begin at `path` lead, even if nothing is there.
fn end_of_links(path: &Path) -> PathBuf {
    let mut place = path.to_path_buf();
    for _ in 0..LINKS {
        let Ok(link) = fs::read_link(&place) else { break };
        place = place.parent().unwrap_or(Path::new("")).join(link);
    }
    place
}

/// Makes the first file of `names` that is not there yet: what is there is somebody else's, and stays.
fn create_new(names: impl Iterator<Item = PathBuf>) -> std::io::Result<(PathBuf, File)> {
    let mut taken = std::io::ErrorKind::AlreadyExists.into();
    for name in names {
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(file) => return Ok((name, file)),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => taken = e,
            Err(e) => return Err(e),
        }
    }
    Err(taken)
}

/// Lets the same people read and write `file` as the `old` one that it will replace, as far as the system allows.
#[cfg(unix)]
fn keep_access(file: &File, old: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    // Only root may give a file away, and some file systems have no modes: neither is a reason to lose what was to be written.
    let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    let _ = file.set_permissions(old.permissions()); // last: a new owner takes the set-user-id bit away
}

#[cfg(not(unix))]
fn keep_access(_: &File, _: &fs::Metadata) {}

fn fill(mut file: File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// `.NAME.RANDOM.tmp`: a process number would come again, in another container even at the same time.
fn temporary_name(name: &OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    // File systems take 255 bytes.
    temporary.push(if name.len() > 200 { OsStr::new("afx") } else { name });
    // The keys of a hash map are the standard library's only source of chance; each has another.
    temporary.push(format!(".{:016x}.tmp", RandomState::new().build_hasher().finish()));
    temporary
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
    #[cfg(unix)]
    fn a_file_that_is_replaced_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = folder("mode");
        let path = dir.join("a.bin");
        write_atomic(&path, b"one").unwrap();
        for mode in [0o600, 0o664, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            write_atomic(&path, b"two").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
        assert_eq!(fs::read(&path).unwrap(), b"two");
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
    fn a_temporary_file_of_somebody_else_is_passed_over_and_stays() {
        let dir = folder("taken");
        let [taken, free] = ["taken", "free"].map(|name| dir.join(name));
        fs::write(&taken, b"theirs").unwrap();
        let (made, _) = create_new([taken.clone(), free.clone()].into_iter()).unwrap();
        assert_eq!(made, free);
        let refused = create_new([taken.clone(), free].into_iter()).unwrap_err();
        assert_eq!((refused.kind(), fs::read(&taken).unwrap()), (std::io::ErrorKind::AlreadyExists, b"theirs".to_vec()));
        assert_ne!(temporary_name("a".as_ref()), temporary_name("a".as_ref()));
        write_atomic(&dir.join("n".repeat(255)), b"a long name").unwrap();
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_stays_one_and_what_it_leads_to_is_written() {
        use std::os::unix::fs::symlink;
        let dir = folder("links");
        fs::create_dir(dir.join("sub")).unwrap();
        fs::write(dir.join("sub/real"), b"old").unwrap();
        symlink("sub/near", dir.join("far")).unwrap();
        symlink("real", dir.join("sub/near")).unwrap();
        write_atomic(&dir.join("far"), b"new").unwrap();
        assert_eq!(fs::read(dir.join("sub/real")).unwrap(), b"new");
        // A link to nothing yet: the file is made where it leads.
        symlink("sub/later", dir.join("dangling")).unwrap();
        write_atomic(&dir.join("dangling"), b"made").unwrap();
        assert_eq!(fs::read(dir.join("sub/later")).unwrap(), b"made");
        for link in ["far", "dangling", "sub/near"] {
            assert!(dir.join(link).is_symlink(), "{link}");
        }
        // A link to itself leads nowhere.
        symlink("loop", dir.join("loop")).unwrap();
        assert_eq!(write_atomic(&dir.join("loop"), b"x").unwrap_err().kind(), ErrorKind::Io);
        assert_eq!((fs::read_dir(&dir).unwrap().count(), fs::read_dir(dir.join("sub")).unwrap().count()), (4, 3));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_written_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        let dir = folder("pipe");
        let pipe = dir.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write_atomic(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
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
        // More than there is memory for, without a byte on the disk; file systems without holes refuse to make it.
        let huge = dir.join("huge");
        if File::create(&huge).unwrap().set_len(1 << 42).is_ok() {
            for error in [crate::wav::read(&huge).unwrap_err(), crate::tensors::Tensors::read(&huge).unwrap_err()] {
                assert_eq!((error.kind(), error.file()), (ErrorKind::WrongFormat, Some(&*huge)));
            }
        }
        assert_eq!(write_atomic(&dir.join("no/such/folder"), b"x").unwrap_err().kind(), ErrorKind::Io);
        fs::remove_dir_all(dir).unwrap();
    }
}
