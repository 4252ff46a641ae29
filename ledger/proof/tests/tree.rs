//! Proofs against published vectors, against the definition, and against whoever changes them.
#![allow(clippy::unwrap_used, clippy::many_single_char_names, reason = "tests")]

use proptest::prelude::*;
use subledger_proof::{
    Frontier, Hash, empty_root, leaf_hash, node_hash,
    proof::{self, ProofError, verify_consistency, verify_inclusion},
    tile::{self, Hashes, Tile, Tiled},
};

/// The leaves of the test vectors that Certificate Transparency's programs share.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
/// The roots of their first 1 to 8.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hash(hex: &str) -> Hash {
    bytes(hex).try_into().unwrap()
}

fn published() -> Vec<Hash> {
    LEAVES.iter().map(|leaf| leaf_hash(&bytes(leaf))).collect()
}

/// RFC 6962 section 2.1 as it is written.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&mth(&leaves[..split]), &mth(&leaves[split..]))
        }
    }
}

/// RFC 6962 section 2.1.1 as it is written.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut path, sibling) =
        if m < k { (path(m, &leaves[..k]), mth(&leaves[k..])) } else { (path(m - k, &leaves[k..]), mth(&leaves[..k])) };
    path.push(sibling);
    path
}

/// RFC 6962 section 2.1.2 as it is written.
fn subproof(m: usize, leaves: &[Hash], complete: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if complete { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut proof, sibling) = if m <= k {
        (subproof(m, &leaves[..k], complete), mth(&leaves[k..]))
    } else {
        (subproof(m - k, &leaves[k..], false), mth(&leaves[..k]))
    };
    proof.push(sibling);
    proof
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes().repeat(n % 5))).collect()
}

/// Hashes of tiles in memory, made the way they are defined.
struct Levels(Vec<Vec<Hash>>);

impl Levels {
    fn of(leaves: &[Hash]) -> Self {
        let mut levels = vec![leaves.to_vec()];
        while levels.last().unwrap().len() >= 256 {
            let above = levels.last().unwrap().chunks_exact(256).map(mth).collect();
            levels.push(above);
        }
        Self(levels)
    }
}

impl Hashes for Levels {
    type Error = String;

    fn read(&self, level: u32, first: u64, count: u64) -> Result<Vec<Hash>, String> {
        let (first, count) = (usize::try_from(first).unwrap(), usize::try_from(count).unwrap());
        let row = self.0.get(level as usize).and_then(|row| row.get(first..first + count));
        row.map(<[Hash]>::to_vec).ok_or_else(|| format!("{count} hashes of level {level} from {first}"))
    }
}

#[test]
fn roots_are_the_published_ones() {
    let leaves = published();
    let mut frontier = Frontier::default();
    for (leaf, expected) in LEAVES.iter().zip(ROOTS) {
        frontier.push(&bytes(leaf));
        assert_eq!(frontier.root(), hash(expected));
        assert_eq!(proof::root(&leaves[..], frontier.size()).unwrap(), hash(expected));
    }
}

#[test]
fn proofs_are_the_published_ones() {
    let leaves = published();
    let [a, b, c, d, e, f] = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    ]
    .map(hash);
    let four = hash(ROOTS[3]);
    assert_eq!(proof::inclusion(&leaves[..], 0, 8).unwrap(), [a, b, c]);
    assert_eq!(proof::inclusion(&leaves[..], 5, 8).unwrap(), [d, e, four]);
    assert!(proof::inclusion(&leaves[..], 0, 1).unwrap().is_empty());
    assert_eq!(proof::consistency(&leaves[..], 1, 8).unwrap(), [a, b, c]);
    assert_eq!(proof::consistency(&leaves[..], 6, 8).unwrap(), [f, e, four]);
    assert_eq!(proof::consistency(&leaves[..], 2, 5).unwrap(), [b, d]);
}

#[test]
fn every_proof_of_small_trees_is_as_defined_and_verifies() {
    let all = leaves(40);
    for size in 1..=all.len() {
        let (tree, root) = (&all[..size], mth(&all[..size]));
        for (index, leaf) in tree.iter().enumerate() {
            let (index, size) = (index as u64, size as u64);
            let made = proof::inclusion(&all[..], index, size).unwrap();
            assert_eq!(made, path(usize::try_from(index).unwrap(), tree));
            verify_inclusion(leaf, index, size, &made, &root).unwrap();
        }
        for from in 0..=size {
            let made = proof::consistency(&all[..], from as u64, size as u64).unwrap();
            if from > 0 {
                assert_eq!(made, subproof(from, tree, true), "{from} to {size}");
            }
            verify_consistency(from as u64, &mth(&all[..from]), size as u64, &root, &made).unwrap();
        }
    }
}

#[test]
fn tiles_have_the_nodes_of_the_tree() {
    let all = leaves(70_000);
    let levels = Levels::of(&all);
    assert_eq!(levels.0.iter().map(Vec::len).collect::<Vec<_>>(), [70_000, 273, 1], "the example of C2SP tlog-tiles");
    let mut frontier = Frontier::default();
    for (at, leaf) in all.iter().enumerate() {
        let size = at as u64;
        if size.is_multiple_of(9_973) || [255, 256, 257, 65_535, 65_536, 65_537].contains(&size) {
            assert_eq!(proof::root(&Tiled(&levels), size).unwrap(), frontier.root(), "{size}");
            assert_eq!(Frontier::of(&Tiled(&levels), size).unwrap(), frontier);
        }
        frontier.push_hash(*leaf);
    }
    let (size, root) = (70_000, frontier.root());
    for index in [0, 1, 255, 256, 65_535, 65_536, 69_999] {
        let made = proof::inclusion(&Tiled(&levels), index, size).unwrap();
        verify_inclusion(&all[usize::try_from(index).unwrap()], index, size, &made, &root).unwrap();
    }
    for from in [1, 255, 256, 300, 65_536, 69_999] {
        let made = proof::consistency(&Tiled(&levels), from, size).unwrap();
        let from_root = proof::root(&Tiled(&levels), from).unwrap();
        verify_consistency(from, &from_root, size, &root, &made).unwrap();
    }
}

#[test]
fn tiles_are_named_as_the_format_has_them() {
    let tile = |level, index, width| Tile { level, index, width };
    for (text, expected) in [
        ("tile/0/x001/x234/067", tile(0, 1_234_067, 256)),
        ("tile/0/273.p/112", tile(0, 273, 112)),
        ("tile/1/000", tile(1, 0, 256)),
        ("tile/63/x072/x057/x594/x037/x927/934.p/1", tile(63, u64::MAX / 256 - 1, 1)),
    ] {
        assert_eq!(text.parse::<Tile>(), Ok(expected), "{text}");
        assert_eq!(expected.to_string(), text);
    }
    for wrong in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/1",
        "tile/00/001",
        "tile/64/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/-1/001",
        "tile/0/+01",
        "tile/0/001.p/+1",
        "tile/0/x072/x057/x594/x037/x927/935",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(wrong.parse::<Tile>(), Err(()), "{wrong}");
    }
    assert_eq!([tile::hashes(70_000, 0), tile::hashes(70_000, 1), tile::hashes(70_000, 2)], [70_000, 273, 1]);
    assert_eq!(tile::hashes(u64::MAX, 63), 0);
}

#[test]
fn what_cannot_be_is_said() {
    let all = leaves(8);
    let root = mth(&all);
    let made = proof::inclusion(&all[..], 3, 8).unwrap();
    assert_eq!(verify_inclusion(&all[3], 8, 8, &made, &root), Err(ProofError::NoSuchLeaf { index: 8, size: 8 }));
    assert_eq!(verify_inclusion(&all[3], 3, 8, &made[..2], &root), Err(ProofError::WrongLength { found: 2 }));
    assert_eq!(verify_consistency(9, &root, 8, &root, &[]), Err(ProofError::Shrunk { from: 9, to: 8 }));
    assert_eq!(verify_consistency(8, &all[0], 8, &root, &[]), Err(ProofError::OtherEarlierRoot));
    assert_eq!(verify_consistency(0, &empty_root(), 8, &root, &made), Err(ProofError::WrongLength { found: 3 }));
}

/// Something else than `path`, which is of the right length or not.
fn changed(path: &[Hash], at: usize, how: u8, bit: usize) -> Vec<Hash> {
    let mut other = path.to_vec();
    match how {
        0 => other.push(empty_root()),
        1 if !other.is_empty() => {
            other.remove(at % path.len());
        }
        2 if other.len() > 1 => {
            let next = (at + 1) % path.len();
            other.swap(at % path.len(), next);
        }
        3 if !other.is_empty() => {
            let twice = other[at % path.len()];
            other.insert(at % path.len(), twice);
        }
        _ if other.is_empty() => other.push([0; 32]),
        _ => other[at % path.len()][bit / 8 % 32] ^= 1 << (bit % 8),
    }
    other
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_changed_inclusion_proof_proves_nothing(
        size in 1_usize..300, at in 0_usize..300, how in 0_u8..8, place in 0_usize..20, bit in 0_usize..256,
    ) {
        let (all, index) = (leaves(size), at % size);
        let (root, size) = (mth(&all), size as u64);
        let made = proof::inclusion(&all[..], index as u64, size).unwrap();
        let leaf = all[index];
        prop_assert!(verify_inclusion(&leaf, index as u64, size, &made, &root).is_ok());
        let other = changed(&made, place, how, bit);
        prop_assert!(other == made || verify_inclusion(&leaf, index as u64, size, &other, &root).is_err());
        let mut other_leaf = leaf;
        other_leaf[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(&other_leaf, index as u64, size, &made, &root).is_err());
        // Another place of the same tree.
        let elsewhere = (index as u64 + 1) % size;
        prop_assert!(elsewhere == index as u64 || verify_inclusion(&leaf, elsewhere, size, &made, &root).is_err());
    }

    #[test]
    fn a_changed_consistency_proof_proves_nothing(
        size in 1_usize..300, part in 1_usize..300, how in 0_u8..8, place in 0_usize..20, bit in 0_usize..256,
    ) {
        let (all, from) = (leaves(size), 1 + part % size);
        let (from_root, root) = (mth(&all[..from]), mth(&all));
        let (from, size) = (from as u64, size as u64);
        let made = proof::consistency(&all[..], from, size).unwrap();
        prop_assert!(verify_consistency(from, &from_root, size, &root, &made).is_ok());
        let other = changed(&made, place, how, bit);
        prop_assert!(other == made || verify_consistency(from, &from_root, size, &root, &other).is_err());
        // An earlier tree of another content.
        let mut rewritten = from_root;
        rewritten[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_consistency(from, &rewritten, size, &root, &made).is_err());
        // An earlier tree of another size.
        prop_assert!(from == 1 || verify_consistency(from - 1, &from_root, size, &root, &made).is_err());
    }

    #[test]
    fn two_histories_that_part_are_never_consistent(size in 2_usize..200, at in 0_usize..200, from in 1_usize..200) {
        let all = leaves(size);
        let mut rewritten = all.clone();
        let from = 1 + from % size;
        rewritten[at % from] = leaf_hash(b"rewritten");
        let made = proof::consistency(&rewritten[..], from as u64, size as u64).unwrap();
        let (before, after) = (mth(&all[..from]), mth(&rewritten));
        prop_assert!(verify_consistency(from as u64, &before, size as u64, &after, &made).is_err());
    }
}
