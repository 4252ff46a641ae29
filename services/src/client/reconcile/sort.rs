//! Sorting more than fits in memory: sorted runs in a temporary file each, merged while they are read.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
};

use serde::{Serialize, de::DeserializeOwned};

/// Items of a run, which are held in memory while it is sorted.
const RUN_ITEMS_MAX: usize = 50_000;
/// Runs merged at a time: each is an open file.
const RUNS_MAX: usize = 64;

/// Something with an order of its own.
pub(super) trait Sortable: Serialize + DeserializeOwned {
    /// What it is sorted by.
    type Key: Ord;
    /// Its key.
    fn key(&self) -> Self::Key;
}

/// Takes items in any order.
pub(super) struct Sorter<T> {
    waiting: Vec<T>,
    runs: Vec<Run<T>>,
    run_items_max: usize,
}

impl<T: Sortable> Sorter<T> {
    pub(super) fn new() -> Self {
        Self::with_runs_of(RUN_ITEMS_MAX)
    }

    fn with_runs_of(run_items_max: usize) -> Self {
        Self { waiting: Vec::new(), runs: Vec::new(), run_items_max }
    }

    pub(super) fn push(&mut self, item: T) -> io::Result<()> {
        self.waiting.push(item);
        if self.waiting.len() >= self.run_items_max { self.end_run() } else { Ok(()) }
    }

    fn end_run(&mut self) -> io::Result<()> {
        let mut items = std::mem::take(&mut self.waiting);
        items.sort_by_cached_key(Sortable::key);
        self.runs.push(Run::write(items.into_iter().map(Ok))?);
        if self.runs.len() == RUNS_MAX {
            let merged = Run::write(Merge::new(std::mem::take(&mut self.runs))?)?;
            self.runs.push(merged);
        }
        Ok(())
    }

    /// The items in order.
    pub(super) fn sorted(mut self) -> io::Result<Merge<T>> {
        if !self.waiting.is_empty() {
            self.end_run()?;
        }
        Merge::new(self.runs)
    }
}

/// A sorted run in a temporary file, which is gone when the run is.
struct Run<T> {
    file: BufReader<File>,
    _items: std::marker::PhantomData<T>,
}

impl<T: Sortable> Run<T> {
    fn write(items: impl Iterator<Item = io::Result<T>>) -> io::Result<Self> {
        let mut out = BufWriter::new(tempfile::tempfile()?);
        for item in items {
            let bytes = postcard::to_stdvec(&item?).map_err(io::Error::other)?;
            let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
            out.write_all(&length.to_le_bytes())?;
            out.write_all(&bytes)?;
        }
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Self { file: BufReader::new(file), _items: std::marker::PhantomData })
    }

    fn next_item(&mut self) -> io::Result<Option<T>> {
        let mut length = [0; 4];
        match self.file.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.file.read_exact(&mut bytes)?;
        postcard::from_bytes(&bytes).map(Some).map_err(io::Error::other)
    }
}

/// The runs as one, in order.
pub(super) struct Merge<T: Sortable> {
    runs: Vec<Run<T>>,
    heads: BinaryHeap<Head<T>>,
}

struct Head<T: Sortable> {
    key: T::Key,
    run: usize,
    item: T,
}

impl<T: Sortable> Merge<T> {
    fn new(runs: Vec<Run<T>>) -> io::Result<Self> {
        let mut merge = Self { heads: BinaryHeap::with_capacity(runs.len()), runs };
        for run in 0..merge.runs.len() {
            merge.advance(run)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, run: usize) -> io::Result<()> {
        if let Some(item) = self.runs[run].next_item()? {
            self.heads.push(Head { key: item.key(), run, item });
        }
        Ok(())
    }
}

impl<T: Sortable> Iterator for Merge<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<io::Result<T>> {
        let Head { run, item, .. } = self.heads.pop()?;
        Some(self.advance(run).map(|()| item))
    }
}

/// The smallest comes first; of equals the one that was taken first.
impl<T: Sortable> Ord for Head<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key).then_with(|| other.run.cmp(&self.run))
    }
}

impl<T: Sortable> PartialOrd for Head<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Sortable> PartialEq for Head<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T: Sortable> Eq for Head<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sortable for (u32, String) {
        type Key = u32;
        fn key(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn many_runs_come_back_in_order() {
        // 1,000 items in runs of 7 are 143 runs: more than are merged at a time.
        let mut sorter = Sorter::with_runs_of(7);
        for n in 0..1_000_u32 {
            sorter.push((n * 7_919 % 1_000, format!("item {n}"))).unwrap();
        }
        let back: Vec<_> = sorter.sorted().unwrap().map(Result::unwrap).collect();
        assert_eq!(back.iter().map(|item| item.0).collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
        assert_eq!(back[7_919 % 1_000].1, "item 1");
        assert_eq!(Sorter::<(u32, String)>::new().sorted().unwrap().count(), 0);
    }
}
