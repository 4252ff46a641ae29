//! Tiles and checkpoints over HTTP, for monitors that know C2SP tlog-tiles: `/log/FAMILY/N/checkpoint` and `/log/FAMILY/N/tile/L/N`.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use subledger_log::{Family, PartitionId};
use subledger_proof::tile::Tile;

use super::{ProofError, Trees};

/// The trees, once there are any.
pub(crate) type Place = Arc<OnceLock<Arc<Trees>>>;

/// A tile that is there never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A checkpoint is followed by others.
const NOT_KEPT: &str = "no-store";

/// What is served.
pub(crate) fn pages(place: Place) -> Router {
    Router::new()
        .route("/log/{family}/{index}/checkpoint", get(checkpoint))
        .route("/log/{family}/{index}/tile/{*tile}", get(tile))
        .with_state(place)
}

async fn checkpoint(State(place): State<Place>, Path((family, index)): Path<(String, String)>) -> Response {
    answer(place, &family, &index, "text/plain; charset=utf-8", NOT_KEPT, |trees, partition| {
        trees.checkpoint(partition, 0).map(|signed| Some(signed.note.into_bytes()))
    })
    .await
}

async fn tile(State(place): State<Place>, Path((family, index, tile)): Path<(String, String, String)>) -> Response {
    let Ok(tile) = format!("tile/{tile}").parse::<Tile>() else {
        return (StatusCode::NOT_FOUND, "there is no such tile; tiles are tile/<level>/<number>[.p/<width>]\n")
            .into_response();
    };
    answer(place, &family, &index, "application/octet-stream", FOR_EVER, move |trees, partition| {
        trees.tile(partition, tile)
    })
    .await
}

async fn answer(
    place: Place,
    family: &str,
    index: &str,
    kind: &'static str,
    kept: &'static str,
    get: impl FnOnce(&Trees, PartitionId) -> Result<Option<Vec<u8>>, ProofError> + Send + 'static,
) -> Response {
    let partition =
        Family::from_name(family).zip(index.parse().ok()).map(|(family, index)| PartitionId::new(family, index));
    let (Some(partition), Some(trees)) = (partition, place.get().cloned()) else {
        return (StatusCode::NOT_FOUND, "there is no such log here\n").into_response();
    };
    let got = tokio::task::spawn_blocking(move || get(&trees, partition)).await;
    match got {
        Ok(Ok(Some(bytes))) => ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], bytes).into_response(),
        Ok(Ok(None)) => (StatusCode::NOT_FOUND, "the tree has no such tile now\n").into_response(),
        Ok(Err(error @ (ProofError::NoSuchPartition(_) | ProofError::NoKey))) => {
            (StatusCode::NOT_FOUND, format!("{error}\n")).into_response()
        }
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the ledger is shutting down\n").into_response(),
    }
}
