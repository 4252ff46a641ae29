//! Which keys a run cannot have: a Bloom filter, so that looking for a key that another run has, or none, reads no block.

/// Bits for each key.
const BITS_PER_KEY: u64 = 10;
/// Bits that a key sets: about one key in a hundred that is not there seems to be.
const PROBES: u64 = 6;

/// A filter. It says of a key that was added that it may be there, always.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// For that many keys.
    pub(crate) fn new(keys: u64) -> Self {
        let words = keys.saturating_mul(BITS_PER_KEY).div_ceil(64).max(1);
        Self { words: vec![0; usize::try_from(words).unwrap_or(usize::MAX)] }
    }

    pub(crate) fn add(&mut self, key: &[u8]) {
        for (word, bit) in places(key, self.words.len()) {
            self.words[word] |= bit;
        }
    }

    pub(crate) fn may_have(&self, key: &[u8]) -> bool {
        places(key, self.words.len()).all(|(word, bit)| self.words[word] & bit != 0)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// What was stored of a filter that `keys` keys were added to; none if that cannot be.
    pub(crate) fn from_bytes(bytes: &[u8], keys: u64) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let enough = u64::try_from(words.len()).ok()? >= keys.saturating_mul(BITS_PER_KEY).div_ceil(64).max(1);
        (enough && rest.is_empty())
            .then(|| Self { words: words.iter().map(|word| u64::from_le_bytes(*word)).collect() })
    }
}

/// The words and bits of a key.
fn places(key: &[u8], words: usize) -> impl Iterator<Item = (usize, u64)> {
    let hash = hash(key);
    let bits = words as u128 * 64;
    let step = hash.rotate_left(32) | 1;
    (0..PROBES).map(move |n| {
        // A number below `bits` without a division.
        let bit = (u128::from(hash.wrapping_add(n.wrapping_mul(step))) * bits) >> 64;
        (usize::try_from(bit / 64).unwrap_or_default(), 1 << (bit % 64))
    })
}

/// Stored with the filter's bits, so it never changes: eight bytes at a time, multiplied and mixed, and the length.
fn hash(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(FACTOR);
        mixed ^ (mixed >> 29)
    };
    let (words, rest) = key.as_chunks::<8>();
    let hash = words.iter().fold(key.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(mix(hash, u64::from_le_bytes(last)), FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut filter = Filter::new(10_000);
        (0..10_000_u32).for_each(|n| filter.add(&n.to_be_bytes()));
        let filter = Filter::from_bytes(&filter.to_bytes(), 10_000).unwrap();
        assert!((0..10_000_u32).all(|n| filter.may_have(&n.to_be_bytes())));
        let wrong = (10_000..110_000_u32).filter(|n| filter.may_have(&n.to_be_bytes())).count();
        assert!(wrong < 2_000, "{wrong} of 100000");
        assert!(Filter::from_bytes(&filter.to_bytes()[8..], 10_000).is_none(), "a piece is missing");
        assert!(!Filter::new(0).may_have(b"key"));
    }

    #[test]
    fn golden() {
        let mut filter = Filter::new(12);
        filter.add(b"key");
        assert_eq!(filter.words, GOLDEN);
    }

    const GOLDEN: [u64; 2] = [562_949_955_518_464, 288_230_377_225_461_764];
}
