//! Which keys a run cannot have: a Bloom filter, so that looking for a key that another run has, or none, reads no block.
//!
//! All bits of a key lie in one line of the processor's cache: spread over the whole filter, they took more time than anything else that
//! looks for a key or writes one.

/// Bits for each key.
const BITS_PER_KEY: u64 = 12;
/// Bits that a key sets: about one key in a hundred that is not there seems to be.
const PROBES: u32 = 6;
/// Words that the bits of a key lie in: 64 bytes.
const LINE_WORDS: usize = 8;
/// Bits of a number below those of a line.
const LINE_BITS_LOG: u32 = 9;
/// Turns the hash into another one.
const SPREAD: u64 = 0xd6e8_feb8_6659_fd93;

/// A filter. It says of a key that was added that it may be there, always.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// For that many keys.
    pub(crate) fn new(keys: u64) -> Self {
        Self { words: vec![0; usize::try_from(words_for(keys)).unwrap_or(usize::MAX)] }
    }

    pub(crate) fn add(&mut self, key: &[u8]) {
        let (line, places) = places(hash(key), self.words.len());
        for (word, bit) in places {
            self.words[line + word] |= bit;
        }
    }

    /// Whether it may have a key with this [`hash`].
    pub(crate) fn may_have(&self, hash: u64) -> bool {
        let (line, mut places) = places(hash, self.words.len());
        places.all(|(word, bit)| self.words[line + word] & bit != 0)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// What was stored of a filter that `keys` keys were added to; none if that cannot be.
    pub(crate) fn from_bytes(bytes: &[u8], keys: u64) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let enough = u64::try_from(words.len()).ok()? >= words_for(keys) && words.len().is_multiple_of(LINE_WORDS);
        (enough && rest.is_empty())
            .then(|| Self { words: words.iter().map(|word| u64::from_le_bytes(*word)).collect() })
    }
}

/// Words of a filter for that many keys.
fn words_for(keys: u64) -> u64 {
    let line = LINE_WORDS as u64;
    keys.saturating_mul(BITS_PER_KEY).div_ceil(64 * line).max(1).saturating_mul(line)
}

/// The first word of the line of a key with this hash, and the words in it with their bits.
fn places(hash: u64, words: usize) -> (usize, impl Iterator<Item = (usize, u64)>) {
    // A number below that of the lines without a division; it takes the upper bits of the hash, so the places take others.
    let line = (u128::from(hash) * (words / LINE_WORDS) as u128) >> 64;
    let spread = hash.wrapping_mul(SPREAD);
    let places = (0..PROBES).map(move |n| {
        let bit = (spread >> (64 - LINE_BITS_LOG * (n + 1))) & ((1 << LINE_BITS_LOG) - 1);
        (usize::try_from(bit / 64).unwrap_or_default(), 1 << (bit % 64))
    });
    (usize::try_from(line).unwrap_or_default() * LINE_WORDS, places)
}

/// A key's hash. Stored with a filter's bits, so it never changes: eight bytes at a time, multiplied and mixed, and the length.
pub(crate) fn hash(key: &[u8]) -> u64 {
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
        assert!((0..10_000_u32).all(|n| filter.may_have(hash(&n.to_be_bytes()))));
        let wrong = (10_000..110_000_u32).filter(|n| filter.may_have(hash(&n.to_be_bytes()))).count();
        assert!(wrong < 2_000, "{wrong} of 100000");
        assert!(Filter::from_bytes(&filter.to_bytes()[64..], 10_000).is_none(), "a piece is missing");
        assert!(!Filter::new(0).may_have(hash(b"key")));
    }

    #[test]
    fn golden() {
        let mut filter = Filter::new(12);
        filter.add(b"key");
        assert_eq!(filter.words, GOLDEN);
    }

    const GOLDEN: [u64; 8] = [0, 67_108_864, 9_007_199_254_740_992, 0, 0, 17_592_186_044_418, 0, 1_125_899_906_843_136];
}
