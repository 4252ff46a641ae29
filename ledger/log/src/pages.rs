//! sled's pages in memory: for whoever keeps something in sled, the embedded log and the rows of read models.

/// Looks at a value besides those that are needed.
const LOOKS: usize = 6;

/// Says that a value was passed over, just written or read, so that its page does not stay in memory for nothing.
///
/// Whether a page is to be dropped is asked by sled (0.34.7) once for every 64 looks at the pages of one of its 256 shards. Values of some
/// KiB that are written or read one after another cost two looks or less each, and a page has 8 to 16 of them: so every shard kept some
/// pages until then, together 100 MB of a database, whatever its cache should be. More looks, of less than a microsecond, leave one or two.
/// If the page cannot be read, whoever needs it is told, and not here.
pub fn passed(db: &sled::Db, key: impl AsRef<[u8]>) {
    for _ in 0..LOOKS {
        let _ = db.contains_key(key.as_ref());
    }
}
