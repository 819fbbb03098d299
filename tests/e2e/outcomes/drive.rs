//! Driving probes through all worlds of a family.

use std::sync::Arc;
use std::time::Duration;

use netns_test::{Host, TestResult};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::task::JoinSet;

use super::cell::Cell;
use super::made::{Made, NoFiles};
use super::worlds::{Family, Make, worlds};

/// How long a probe and an assertion are given in a world.
pub(crate) const WHILE: Duration = Duration::from_secs(1);

/// A row of so many cells for each world, in their order. All are made first, and asked at once.
pub(crate) async fn drive<F>(
    family: Family,
    probes: usize,
    serve: fn(&Host, Family) -> TestResult,
    row: fn(Arc<Made>) -> F,
) -> TestResult<Vec<(&'static str, Vec<Cell>)>>
where
    F: Future<Output = Vec<Cell>> + Send + 'static,
{
    // A negative result takes several sockets, in each world.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let mut made = Vec::new();
    for (number, world) in worlds(family).into_iter().enumerate() {
        made.push(Arc::new(Made::make(number, world, probes, serve).await?));
    }
    // What a process may not do is so in all of its worlds.
    let (alone, together): (Vec<_>, Vec<_>) =
        made.into_iter().enumerate().partition(|(_, made)| made.world.make == Make::Exhausted);
    let mut under_way = JoinSet::new();
    for (number, made) in together {
        under_way.spawn(async move { (number, made.world.name, row(made).await) });
    }
    let mut rows = under_way.join_all().await;
    for (number, made) in alone {
        let _none = NoFiles::from_now_on()?;
        rows.push((number, made.world.name, row(made).await));
    }
    rows.sort_by_key(|(number, ..)| *number);
    Ok(rows.into_iter().map(|(_, name, cells)| (name, cells)).collect())
}
