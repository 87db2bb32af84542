//! Parts of pages, the same for an audit, a run, a reproduction and a leaderboard: each takes plain findings and knows no algorithm.

pub(crate) mod caught;
pub(crate) mod curves;
pub(crate) mod measured;
pub(crate) mod price;
pub(crate) mod verdict;
pub(crate) mod versus;
pub(crate) mod weak;
