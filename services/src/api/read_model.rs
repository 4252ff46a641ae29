//! What the query services share: waiting for a position, reading, saying what an answer reflects.

use std::time::Instant;

use subledger_fold::{
    Rows,
    as_of::{AsOf, Horizon},
    page::{Page, PageRequest, QueryError},
};
use subledger_log::{Family, Layout, Position};
use subledger_projection_runtime::{Handle, QueryFailed, Read, WaitError};
use subledger_proto::common as pbc;
use tonic::{Status, metadata::MetadataMap};

use super::{
    as_of::as_of,
    errors, paging,
    position::{self, Wanted},
};

/// A read model, for a query service.
#[derive(Clone)]
pub(crate) struct ReadModel {
    handle: Handle,
    layout: Layout,
    page_items_max: usize,
}

/// Items up to which a page is short.
const SHORT_PAGE_ITEMS: usize = 100;

/// A page asked for, checked.
#[derive(Clone, Debug)]
pub(crate) struct PageOf {
    size: usize,
    token: String,
}

impl PageOf {
    /// As queries take it.
    pub(crate) fn request(&self) -> PageRequest<'_> {
        PageRequest { size: self.size, token: &self.token }
    }

    /// Whether it has few items.
    pub(crate) fn is_short(&self) -> bool {
        (1..=SHORT_PAGE_ITEMS).contains(&self.size)
    }
}

impl ReadModel {
    /// Reads through `handle`.
    pub(crate) fn new(handle: Handle, layout: Layout, page_items_max: usize) -> Self {
        Self { handle, layout, page_items_max }
    }

    /// How many partitions of customers the log has.
    pub(crate) fn customers_partitions(&self) -> u16 {
        self.layout.count(Family::Customers)
    }

    /// What the request has to wait for.
    pub(crate) fn wanted(&self, min_position: &[pbc::Position], metadata: &MetadataMap) -> Result<Wanted, Status> {
        position::wanted(min_position, metadata, self.layout)
    }

    /// The page the request asks for.
    pub(crate) fn page(&self, size: i32, token: String) -> Result<PageOf, Status> {
        Ok(PageOf { size: paging::size(size, self.page_items_max)?, token })
    }

    /// Reads rows once everything wanted is folded; with the positions that the answer reflects.
    pub(crate) async fn read<T: Send + 'static, E: Into<QueryError> + Send + 'static>(
        &self,
        wanted: Wanted,
        query: impl FnOnce(&dyn Rows) -> Result<T, E> + Send + 'static,
    ) -> Result<(T, Vec<pbc::Position>), Status> {
        self.reach(&wanted).await?;
        answer(self.handle.query(query).await)
    }

    /// [`Self::read`] of few rows: without another thread if they are in memory, and else once more.
    pub(crate) async fn read_few<T: Send + 'static, E: Into<QueryError> + Send + 'static>(
        &self,
        wanted: Wanted,
        query: impl Fn(&dyn Rows) -> Result<T, E> + Send + 'static,
    ) -> Result<(T, Vec<pbc::Position>), Status> {
        self.reach(&wanted).await?;
        answer(self.handle.query_few(query).await)
    }

    /// Waits until everything wanted is folded.
    async fn reach(&self, wanted: &Wanted) -> Result<(), Status> {
        if wanted.positions.is_empty() {
            return Ok(());
        }
        let reached = self.handle.wait_for(&wanted.positions, Instant::now() + wanted.wait).await;
        reached.map_err(|error| self.not_reached(wanted, &error))
    }

    /// Reads a page of a list; with the token of the next one.
    pub(crate) async fn list<T: Send + 'static>(
        &self,
        wanted: Wanted,
        query: impl FnOnce(&dyn Rows) -> Result<Page<T>, QueryError> + Send + 'static,
    ) -> Result<(Vec<T>, String, Vec<pbc::Position>), Status> {
        let (page, reflects) = self.read(wanted, query).await?;
        Ok((page.items, page.next.unwrap_or_default(), reflects))
    }

    /// Checks the look back of a request.
    pub(crate) fn as_of(&self, wire: Option<pbc::AsOf>) -> Result<AsOf, Status> {
        as_of("as_of", wire, self.layout)
    }

    /// Checks the two moments of a request.
    pub(crate) fn between(&self, from: Option<pbc::AsOf>, to: Option<pbc::AsOf>) -> Result<[AsOf; 2], Status> {
        Ok([as_of("from", from, self.layout)?, as_of("to", to, self.layout)?])
    }

    /// [`Self::read`] at two moments.
    pub(crate) async fn read_between<T: Send + 'static>(
        &self,
        wanted: Wanted,
        [from, to]: [AsOf; 2],
        query: impl FnOnce(&dyn Rows, &Horizon, &Horizon) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<(T, Vec<pbc::Position>), Status> {
        let at_both = move |rows: &dyn Rows| query(rows, &Horizon::of(rows, &from)?, &Horizon::of(rows, &to)?);
        self.read(wanted, at_both).await
    }

    /// [`Self::read`] at a moment of the past: the answer reflects the positions of that moment.
    pub(crate) async fn read_as_of<T: Send + 'static, E: Into<QueryError> + Send + 'static>(
        &self,
        wanted: Wanted,
        as_of: AsOf,
        query: impl FnOnce(&dyn Rows, &Horizon) -> Result<T, E> + Send + 'static,
    ) -> Result<(T, Vec<pbc::Position>), Status> {
        let at_that_time = move |rows: &dyn Rows| at_that_time(rows, &as_of, query);
        Ok(reflecting(self.read(wanted, at_that_time).await?))
    }

    /// [`Self::read_as_of`] and [`Self::read_few`].
    pub(crate) async fn read_few_as_of<T: Send + 'static, E: Into<QueryError> + Send + 'static>(
        &self,
        wanted: Wanted,
        as_of: AsOf,
        query: impl Fn(&dyn Rows, &Horizon) -> Result<T, E> + Send + 'static,
    ) -> Result<(T, Vec<pbc::Position>), Status> {
        let at_that_time = move |rows: &dyn Rows| at_that_time(rows, &as_of, &query);
        Ok(reflecting(self.read_few(wanted, at_that_time).await?))
    }

    /// [`Self::list`] at a moment of the past.
    pub(crate) async fn list_as_of<T: Send + 'static>(
        &self,
        wanted: Wanted,
        as_of: AsOf,
        query: impl FnOnce(&dyn Rows, &Horizon) -> Result<Page<T>, QueryError> + Send + 'static,
    ) -> Result<(Vec<T>, String, Vec<pbc::Position>), Status> {
        let (page, reflects) = self.read_as_of(wanted, as_of, query).await?;
        Ok((page.items, page.next.unwrap_or_default(), reflects))
    }

    fn not_reached(&self, wanted: &Wanted, error: &WaitError) -> Status {
        match error {
            WaitError::Timeout { .. } => position::too_far_behind(wanted, &self.handle.positions()),
            WaitError::NoSuchPartition { .. } => {
                errors::field_status("PARTITION_NOT_FOUND", "min_position", &error.to_string())
            }
            WaitError::NotFolding { .. } => errors::unavailable("PROJECTION_STOPPED", error.to_string()),
        }
    }
}

/// As the API has it.
fn answer<T, E: Into<QueryError>>(read: Result<Read<T>, QueryFailed<E>>) -> Result<(T, Vec<pbc::Position>), Status> {
    let read = read.map_err(|error| match error {
        QueryFailed::Query(error) => match error.into() {
            QueryError::Store(error) => errors::store(&error),
            QueryError::InvalidPageToken => paging::invalid_token(),
        },
        QueryFailed::Cancelled => errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down"),
    })?;
    Ok((read.value, position::to_wire(&read.reflects)))
}

/// An answer, and the positions of its moment; none if it looks at everything recorded.
type Then<T> = (T, Option<Vec<Position>>);

fn at_that_time<T, E: Into<QueryError>>(
    rows: &dyn Rows,
    as_of: &AsOf,
    query: impl FnOnce(&dyn Rows, &Horizon) -> Result<T, E>,
) -> Result<Then<T>, QueryError> {
    let horizon = Horizon::of(rows, as_of)?;
    let answer = query(rows, &horizon).map_err(Into::into)?;
    Ok((answer, horizon.positions()))
}

fn reflecting<T>(((answer, positions), reflects): (Then<T>, Vec<pbc::Position>)) -> (T, Vec<pbc::Position>) {
    (answer, positions.map_or(reflects, |positions| position::to_wire(&positions)))
}
