//! Snapshots: a partition's state in a file, so that a restart reads only what came after.
//!
//! A snapshot is a cache. One that is absent, damaged, of another ledger or of another version is left aside and the partition is
//! read from its beginning.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use subledger_log::{LedgerId, PartitionId};

/// Raised whenever the stored state changes its shape or its meaning.
const VERSION: u32 = 9;
const MAGIC: &[u8; 8] = b"SLSNAP01";
/// Magic, version, ledger id.
const HEADER_BYTES: usize = 8 + 4 + 16;
const CRC_BYTES: usize = 4;

fn path(dir: &Path, partition: PartitionId) -> PathBuf {
    dir.join(format!("{}-{}.snapshot", partition.family, partition.index))
}

fn header(ledger: LedgerId) -> Vec<u8> {
    [MAGIC.as_slice(), &VERSION.to_be_bytes(), ledger.0.as_bytes()].concat()
}

/// Writes to a file and keeps a checksum.
struct Checksummed<W> {
    inner: W,
    crc: crc32fast::Hasher,
}

impl<W: Write> Write for Checksummed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.crc.update(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Replaces the snapshot of a partition; the old one stays until the new one is on disk.
pub(crate) fn write(dir: &Path, ledger: LedgerId, partition: PartitionId, state: &impl Serialize) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let target = path(dir, partition);
    let temporary = target.with_extension("snapshot.new");
    let mut file = Checksummed { inner: BufWriter::new(File::create(&temporary)?), crc: crc32fast::Hasher::new() };
    file.write_all(&header(ledger))?;
    postcard::to_io(state, &mut file).map_err(io::Error::other)?;
    let crc = file.crc.clone().finalize();
    file.inner.write_all(&crc.to_be_bytes())?;
    let file = file.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&temporary, &target)?;
    File::open(dir)?.sync_all()
}

/// Removes the snapshot of a partition, if there is one.
pub(crate) fn remove(dir: &Path, partition: PartitionId) -> io::Result<()> {
    let target = path(dir, partition);
    for path in [target.with_extension("snapshot.new"), target] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    if dir.exists() { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// The snapshot of a partition, if there is a good one.
pub(crate) fn read<T: DeserializeOwned>(dir: &Path, ledger: LedgerId, partition: PartitionId) -> Option<T> {
    let path = path(dir, partition);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot read the snapshot; reading the whole partition");
            return None;
        }
    };
    let state = check(&bytes, ledger).and_then(|body| postcard::from_bytes(body).map_err(|error| error.to_string()));
    match state {
        Ok(state) => Some(state),
        Err(why) => {
            tracing::warn!(path = %path.display(), why, "the snapshot is of no use; reading the whole partition");
            None
        }
    }
}

fn check(bytes: &[u8], ledger: LedgerId) -> Result<&[u8], String> {
    let Some(content) = bytes.len().checked_sub(CRC_BYTES).filter(|&n| n >= HEADER_BYTES) else {
        return Err("it is too short".into());
    };
    let (content, crc) = bytes.split_at(content);
    if crc32fast::hash(content).to_be_bytes() != crc {
        return Err("its checksum is wrong".into());
    }
    let (head, body) = content.split_at(HEADER_BYTES);
    if head != header(ledger) {
        return Err("it is of another version or another ledger".into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_or_foreign_snapshot_is_left_aside() {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, other) = (LedgerId(uuid::Uuid::from_u128(1)), LedgerId(uuid::Uuid::from_u128(2)));
        let state = vec!["state".to_owned(); 100];
        write(dir.path(), ledger, PartitionId::CATALOG, &state).unwrap();
        assert_eq!(read::<Vec<String>>(dir.path(), ledger, PartitionId::CATALOG), Some(state));
        assert_eq!(read::<Vec<String>>(dir.path(), other, PartitionId::CATALOG), None);

        let file = path(dir.path(), PartitionId::CATALOG);
        let good = fs::read(&file).unwrap();
        for at in [0, 10, 40, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&file, bad).unwrap();
            assert_eq!(read::<Vec<String>>(dir.path(), ledger, PartitionId::CATALOG), None, "byte {at} flipped");
        }
        fs::write(&file, &good[..good.len() / 2]).unwrap();
        assert_eq!(read::<Vec<String>>(dir.path(), ledger, PartitionId::CATALOG), None, "cut in half");
    }
}
