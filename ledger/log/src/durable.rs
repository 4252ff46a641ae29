//! Files that are whole after a crash of the process or of the machine: what is not synced may be empty after a power failure, whatever
//! its name is.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Only the owner may read and write it.
#[cfg(unix)]
const SECRET_MODE: u32 = 0o600;

/// Replaces a file, whole or not at all. It is on disk when this returns.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, &write_beside(path, bytes, false)?)
}

/// [`replace`], of a file of its owner's.
pub fn replace_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, &write_beside(path, bytes, true)?)
}

/// Makes a file of its owner's, whole or not at all. One that is there already, possibly since a moment ago, stays.
pub fn create_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_beside(path, bytes, true)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_names(parent(path)),
    }
}

/// Makes a directory and those above it that are not there. Their names are on disk when this returns.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = parent(dir);
    if above != dir {
        make_dir(above)?;
    }
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !dir.is_dir() => Err(error),
        _ => sync_names(above),
    }
}

/// Makes the names in a directory durable.
pub fn sync_names(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The directory that a file stands in.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives a file that is on disk its name.
fn put(path: &Path, temporary: &Path) -> io::Result<()> {
    fs::rename(temporary, path)?;
    sync_names(parent(path))
}

/// Writes a file whose name is `path` and `.new`.
fn write_beside(path: &Path, bytes: &[u8], secret: bool) -> io::Result<PathBuf> {
    make_dir(parent(path))?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    if secret {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, SECRET_MODE);
        // One that is left over may have other rights.
        let _ = fs::remove_file(&temporary);
    }
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_in_directories_that_were_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one/two/file.txt");
        replace(&path, b"first").unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(parent(&path)).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        replace(&dir.path().join("file/under"), b"").unwrap_err();
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_its_owners_and_is_made_once() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(dir.path().join("secret.new"), "left over, for everybody to read").unwrap();
        create_secret(&path, b"mine").unwrap();
        create_secret(&path, b"theirs").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        replace_secret(&path, b"mine again").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"mine again");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
