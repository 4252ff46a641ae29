//! Tiles: how the nodes of a tree are cut into files that never change (C2SP tlog-tiles).
//!
//! A tile is 256 hashes beside each other at a height that is a multiple of 8. What lies between is computed from the tile.

use std::fmt;

use crate::{
    hash::{Hash, node_hash},
    proof::Nodes,
};

/// Levels of the tree that a tile spans.
pub const HEIGHT: u32 = 8;
/// Hashes of a full tile.
pub const WIDTH: u64 = 1 << HEIGHT;

/// One tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Its height in tiles: the hashes of tiles of level 0 are leaf hashes.
    pub level: u32,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes it has: 1 to 256.
    pub width: u64,
}

impl Tile {
    /// The number of its first hash within the level.
    pub fn first(&self) -> u64 {
        self.index * WIDTH
    }

    /// Whether it has all hashes it can have.
    pub fn is_full(&self) -> bool {
        self.width == WIDTH
    }
}

/// `tile/<L>/<N>[.p/<W>]`
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl std::str::FromStr for Tile {
    type Err = ();

    /// Reads `tile/<L>/<N>[.p/<W>]`; anything that is not exactly so is none.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (level, rest) = text.strip_prefix("tile/").ok_or(())?.split_once('/').ok_or(())?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().map_err(|_| ())?),
            None => (rest, WIDTH),
        };
        let mut index = 0_u64;
        let mut parts = number.split('/').peekable();
        while let Some(part) = parts.next() {
            let digits = if parts.peek().is_some() { part.strip_prefix('x').ok_or(())? } else { part };
            if digits.len() != 3 {
                return Err(());
            }
            let group: u64 = digits.parse().map_err(|_| ())?;
            index = index.checked_mul(1000).and_then(|index| index.checked_add(group)).ok_or(())?;
        }
        // No tree has so many hashes that the last of its tile has no number.
        index.checked_add(1).and_then(|next| next.checked_mul(WIDTH)).ok_or(())?;
        let tile = Self { level: level.parse().map_err(|_| ())?, index, width };
        // Numbers have one way to be written.
        if tile.to_string() == text && (1..=WIDTH).contains(&width) && tile.level < 64 { Ok(tile) } else { Err(()) }
    }
}

/// How many hashes a tree of `size` leaves has at a level of tiles.
pub fn hashes(size: u64, level: u32) -> u64 {
    size.checked_shr(level * HEIGHT).unwrap_or(0)
}

/// A place that has the hashes of tiles.
pub trait Hashes {
    /// Why they cannot be had.
    type Error;

    /// `count` hashes of a level, from `first` on.
    fn read(&self, level: u32, first: u64, count: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// Nodes from the hashes of tiles. At most 256 hashes are read for each node.
pub struct Tiled<'a, H: ?Sized>(pub &'a H);

impl<H: Hashes + ?Sized> Nodes for Tiled<'_, H> {
    type Error = H::Error;

    fn node(&self, level: u32, index: u64) -> Result<Hash, H::Error> {
        let (tiles, above) = (level / HEIGHT, level % HEIGHT);
        let mut row = self.0.read(tiles, index << above, 1 << above)?;
        while row.len() > 1 {
            row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        Ok(row.first().copied().unwrap_or_default())
    }
}
