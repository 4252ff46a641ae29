//! Reading rows that lie in several places, newest first, in the order of keys: of each key the newest row counts.

use std::{ops::Bound, sync::Arc};

use subledger_fold::StoreError;

use crate::{
    block::{Block, Row},
    packed::Walk,
    run::{Blocks, Run, Way},
    stage::KeyRange,
};

/// A place that rows are read from, at one of them.
pub(crate) trait Source {
    /// None beyond the last row.
    fn key(&self) -> Option<&[u8]>;

    fn row(&self) -> Row<'_>;

    fn step(&mut self) -> Result<(), StoreError>;
}

/// Rows in memory or in a run.
pub(crate) enum AnySource<'a> {
    Packed(Walk<'a>),
    Run(Cursor<'a>),
}

impl Source for AnySource<'_> {
    fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Packed(walk) => walk.key(),
            Self::Run(cursor) => cursor.key(),
        }
    }

    fn row(&self) -> Row<'_> {
        match self {
            Self::Packed(walk) => walk.row(),
            Self::Run(cursor) => cursor.row(),
        }
    }

    fn step(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Packed(walk) => walk.step(),
            Self::Run(cursor) => cursor.step(),
        }
    }
}

/// A place in a run.
pub(crate) struct Cursor<'a> {
    tree: &'a Blocks,
    run: Arc<Run>,
    reverse: bool,
    way: Way<'a>,
    block: Option<(usize, Arc<Block>)>,
    index: usize,
    key: Vec<u8>,
}

impl<'a> Cursor<'a> {
    /// At the first row within the bounds, or the last if `reverse`.
    pub(crate) fn seek(
        tree: &'a Blocks,
        run: Arc<Run>,
        range: &KeyRange,
        reverse: bool,
        way: Way<'a>,
    ) -> Result<Self, StoreError> {
        let mut cursor = Self { tree, run, reverse, way, block: None, index: 0, key: Vec::new() };
        if reverse {
            cursor.seek_last(&range.1)?;
        } else {
            cursor.seek_first(&range.0)?;
        }
        Ok(cursor)
    }

    /// At the first row of all, for reading everything once.
    pub(crate) fn whole(tree: &'a Blocks, run: Arc<Run>) -> Result<Self, StoreError> {
        let mut cursor = Self { tree, run, reverse: false, way: Way::Once, block: None, index: 0, key: Vec::new() };
        cursor.enter(0, |_| 0)?;
        Ok(cursor)
    }

    fn seek_first(&mut self, low: &Bound<Vec<u8>>) -> Result<(), StoreError> {
        let low: &[u8] = match low {
            Bound::Included(low) | Bound::Excluded(low) => low,
            Bound::Unbounded => &[],
        };
        let block = self.run.blocks_before(|first| first <= low).saturating_sub(1);
        self.enter(block, |block| block.find(low).0)?;
        self.settle()
    }

    fn seek_last(&mut self, high: &Bound<Vec<u8>>) -> Result<(), StoreError> {
        let blocks = match high {
            Bound::Included(high) => self.run.blocks_before(|first| first <= high.as_slice()),
            Bound::Excluded(high) => self.run.blocks_before(|first| first < high.as_slice()),
            Bound::Unbounded => self.run.blocks(),
        };
        let Some(block) = blocks.checked_sub(1) else { return Ok(()) };
        // The block begins within the bound, so its first row at least is.
        self.enter(block, |block| match high {
            Bound::Included(high) => {
                let (index, found) = block.find(high);
                if found { index } else { index.saturating_sub(1) }
            }
            Bound::Excluded(high) => block.find(high).0.saturating_sub(1),
            Bound::Unbounded => block.len() - 1,
        })
    }

    fn enter(&mut self, n: usize, index: impl Fn(&Block) -> usize) -> Result<(), StoreError> {
        if n >= self.run.blocks() {
            self.block = None;
            return Ok(());
        }
        let block = self.tree.block(&self.run, n, self.way)?;
        self.index = index(&block);
        if self.index < block.len() {
            block.key(self.index, &mut self.key);
        }
        self.block = Some((n, block));
        Ok(())
    }

    /// Beyond the last row of a block is the first of the next.
    fn settle(&mut self) -> Result<(), StoreError> {
        if let Some((n, block)) = &self.block
            && self.index >= block.len()
        {
            self.enter(n + 1, |_| 0)?;
        }
        Ok(())
    }
}

impl Source for Cursor<'_> {
    fn key(&self) -> Option<&[u8]> {
        self.block.as_ref().map(|_| self.key.as_slice())
    }

    fn row(&self) -> Row<'_> {
        self.block.as_ref().and_then(|(_, block)| block.row(self.index))
    }

    fn step(&mut self) -> Result<(), StoreError> {
        let Some((n, block)) = &self.block else { return Ok(()) };
        let next = if self.reverse {
            self.index.checked_sub(1)
        } else {
            Some(self.index + 1).filter(|&next| next < block.len())
        };
        match next {
            Some(next) => {
                self.index = next;
                block.key(next, &mut self.key);
                Ok(())
            }
            None if self.reverse => {
                if let Some(before) = n.checked_sub(1) {
                    return self.enter(before, |block| block.len() - 1);
                }
                self.block = None;
                Ok(())
            }
            None => self.enter(n + 1, |_| 0),
        }
    }
}

/// Visits the newest row of each key in order, removals too, until `visit` returns false. `sources` have the newest first.
pub(crate) fn merge<S: Source>(
    sources: &mut [S],
    reverse: bool,
    mut visit: impl FnMut(&[u8], &S) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    // Sources that have a row, the next one last; at the same key the newest is the next.
    let mut order = Vec::with_capacity(sources.len());
    for n in 0..sources.len() {
        place(&mut order, sources, n, reverse);
    }
    while let Some(next) = order.pop() {
        let Some(key) = sources[next].key() else { continue };
        if !visit(key, &sources[next])? {
            return Ok(());
        }
        // Others at the same key have an older row of it.
        while let Some(&older) = order.last()
            && sources[older].key() == sources[next].key()
        {
            order.pop();
            sources[older].step()?;
            place(&mut order, sources, older, reverse);
        }
        sources[next].step()?;
        place(&mut order, sources, next, reverse);
    }
    Ok(())
}

/// Puts a source where it belongs, unless it is at its end.
fn place<S: Source>(order: &mut Vec<usize>, sources: &[S], n: usize, reverse: bool) {
    let Some(key) = sources[n].key() else { return };
    let comes_after = |&other: &usize| {
        let by_key = sources[other].key().cmp(&Some(key));
        (if reverse { by_key.reverse() } else { by_key }).then(other.cmp(&n)).is_gt()
    };
    let at = order.partition_point(comes_after);
    order.insert(at, n);
}
