//! Reading rows that lie in several places, newest first, in the order of keys: of each key the newest row counts.

use std::{ops::Bound, sync::Arc};

use subledger_fold::StoreError;

use crate::{
    block::{Block, Row},
    packed::Walk,
    run::{Blocks, Run},
    stage::KeyRange,
};

/// What a merge calls for each key.
type VisitRow<'a> = &'a mut dyn FnMut(&[u8], Row<'_>) -> Result<bool, StoreError>;

/// One place that rows are read from.
pub(crate) enum Source<'a> {
    Packed(Walk<'a>),
    Run(Cursor<'a>),
}

impl Source<'_> {
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
            Self::Run(cursor) => cursor.step()?,
        }
        Ok(())
    }
}

/// A place in a run.
pub(crate) struct Cursor<'a> {
    tree: &'a Blocks,
    run: Arc<Run>,
    reverse: bool,
    /// Whether decoded blocks are kept for others.
    shared: bool,
    block: Option<(usize, Arc<Block>)>,
    index: usize,
    key: Vec<u8>,
}

impl<'a> Cursor<'a> {
    /// At the first row within the bounds, or the last if `reverse`.
    pub(crate) fn seek(tree: &'a Blocks, run: Arc<Run>, range: &KeyRange, reverse: bool) -> Result<Self, StoreError> {
        let mut cursor = Self { tree, run, reverse, shared: true, block: None, index: 0, key: Vec::new() };
        if reverse {
            cursor.seek_last(&range.1)?;
        } else {
            cursor.seek_first(&range.0)?;
        }
        Ok(cursor)
    }

    /// At the first row of all, for reading everything once.
    pub(crate) fn whole(tree: &'a Blocks, run: Arc<Run>) -> Result<Self, StoreError> {
        let mut cursor = Self { tree, run, reverse: false, shared: false, block: None, index: 0, key: Vec::new() };
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
        let block = if self.shared { self.tree.block(&self.run, n)? } else { Arc::new(self.tree.read(&self.run, n)?) };
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
pub(crate) fn merge(sources: &mut [Source<'_>], reverse: bool, visit: VisitRow<'_>) -> Result<(), StoreError> {
    loop {
        let mut best: Option<(usize, &[u8])> = None;
        // Others at the same key have an older row of it.
        let mut same = false;
        for (n, source) in sources.iter().enumerate() {
            let Some(key) = source.key() else { continue };
            let order = best.map(|(_, best)| if reverse { best.cmp(key) } else { key.cmp(best) });
            match order {
                None | Some(std::cmp::Ordering::Less) => (best, same) = (Some((n, key)), false),
                Some(std::cmp::Ordering::Equal) => same = true,
                Some(std::cmp::Ordering::Greater) => {}
            }
        }
        let Some((best, key)) = best else { return Ok(()) };
        if !visit(key, sources[best].row())? {
            return Ok(());
        }
        let (upto, older) = sources.split_at_mut(best + 1);
        let Some(best) = upto.last_mut() else { return Ok(()) };
        if same {
            for source in older.iter_mut().filter(|source| source.key() == best.key()) {
                source.step()?;
            }
        }
        best.step()?;
    }
}
