//! The clock that a gateway follows: grid time as a stream of ticks.
//!
//! A stepped clock (a demo, a test) is driven from outside and stands on a boundary until every
//! gateway has read there. The system clock runs by itself; then a reading carries the instant at
//! which it was really taken. A node's clock can be followed from afar: the system clock, moved by the
//! difference.

/// What the clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Grid time in ms since 1970 UTC.
    pub now_ms: i64,
    /// The interval boundary (ms since 1970 UTC) on which the clock stands, or which a running clock
    /// has just passed; none in between.
    pub boundary: Option<i64>,
    /// Whether grid time waits on a boundary for those who read there.
    pub stepped: bool,
    /// How far grid time is ahead of the system's clock, in ms; 0 where they are the same, or stepped.
    pub ahead_ms: i64,
}

#[cfg(feature = "edge")]
impl Tick {
    /// Grid time at this instant in ms since 1970 UTC: a stepped clock's own, otherwise the system's
    /// clock now and not at the tick.
    #[must_use]
    pub fn instant_ms(&self) -> i64 {
        if self.stepped {
            self.now_ms
        } else {
            system_now_ms().saturating_add(self.ahead_ms)
        }
    }
}

/// For how long after a boundary the system clock still names it, so that nobody misses it.
#[cfg(feature = "edge")]
const BOUNDARY_SHOWN_MS: i64 = 5_000;
/// How often the system clock shows a new time.
#[cfg(feature = "edge")]
const STEP_MS: i64 = 500;

#[cfg(any(feature = "edge", test))]
fn running_tick(
    system_ms: i64,
    ahead_ms: i64,
    interval: energy_core::IntervalLength,
    shown_ms: i64,
) -> Tick {
    let now_ms = system_ms.saturating_add(ahead_ms);
    let boundary = interval.containing(now_ms.div_euclid(1_000)).millis();
    let fresh = now_ms.saturating_sub(boundary) < shown_ms;
    Tick {
        now_ms,
        boundary: fresh.then_some(boundary),
        stepped: false,
        ahead_ms,
    }
}

/// Starts a task that shows the system's time, with a tick right after every boundary of `interval`,
/// until nobody listens any more. Needs a tokio runtime.
#[cfg(feature = "edge")]
#[must_use]
pub fn system_clock(interval: energy_core::IntervalLength) -> tokio::sync::watch::Receiver<Tick> {
    run(interval, tokio::sync::watch::channel(0).1)
}

/// Starts a task that shows a node's grid time, asked for every minute. Needs a tokio runtime.
///
/// # Errors
/// [`FollowError`] when the node does not answer, or its time runs at another speed than time does.
#[cfg(feature = "edge")]
pub async fn followed_clock(
    node: crate::node_client::NodeClient,
    interval: energy_core::IntervalLength,
) -> Result<tokio::sync::watch::Receiver<Tick>, FollowError> {
    let (ahead, followed) = tokio::sync::watch::channel(ahead_of(&node).await?);
    tokio::spawn(async move {
        while !ahead.is_closed() {
            tokio::time::sleep(FOLLOW_EVERY).await;
            match ahead_of(&node).await {
                Ok(ahead_ms) => {
                    ahead.send_replace(ahead_ms);
                }
                // The system's clock goes on at the difference that was last known.
                Err(error) => {
                    tracing::warn!(%error, "the node's clock cannot be followed right now")
                }
            }
        }
    });
    Ok(run(interval, followed))
}

/// A node's clock cannot be followed.
#[cfg(feature = "edge")]
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// It does not tell its time.
    #[error(transparent)]
    Node(#[from] crate::node_client::NodeError),
    /// Its time is not everybody's.
    #[error(
        "expected a node whose grid time runs at speed 1, got speed {got}; start the demo with `--speed 1`"
    )]
    Speed {
        /// Grid seconds per second.
        got: u32,
    },
}

/// How often a node is asked for its time.
#[cfg(feature = "edge")]
const FOLLOW_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// How far the node's grid time is ahead of the system's clock, in ms: as seen from the middle between
/// question and answer.
#[cfg(feature = "edge")]
async fn ahead_of(node: &crate::node_client::NodeClient) -> Result<i64, FollowError> {
    let asked_ms = system_now_ms();
    let clock = node.clock().await?;
    let answered_ms = system_now_ms();
    if clock.speed != 1 {
        return Err(FollowError::Speed { got: clock.speed });
    }
    let half = answered_ms.saturating_sub(asked_ms) / 2;
    Ok(clock.grid_ms.saturating_sub(asked_ms.saturating_add(half)))
}

#[cfg(feature = "edge")]
fn run(
    interval: energy_core::IntervalLength,
    ahead: tokio::sync::watch::Receiver<i64>,
) -> tokio::sync::watch::Receiver<Tick> {
    let tick = move || {
        running_tick(
            system_now_ms(),
            *ahead.borrow(),
            interval,
            BOUNDARY_SHOWN_MS,
        )
    };
    let (ticks, clock) = tokio::sync::watch::channel(tick());
    tokio::spawn(async move {
        while !ticks.is_closed() {
            let now = tick().now_ms;
            let seconds = now.div_euclid(1_000);
            let next = interval.containing(seconds).next(interval).millis();
            let wait = next.saturating_sub(now).clamp(1, STEP_MS);
            tokio::time::sleep(std::time::Duration::from_millis(wait.unsigned_abs())).await;
            ticks.send_replace(tick());
        }
    });
    clock
}

/// The system's time in ms since 1970 UTC.
#[cfg(feature = "edge")]
#[must_use]
pub fn system_now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use energy_core::IntervalLength;

    use super::*;

    #[test]
    fn a_boundary_is_named_for_a_while_after_it() {
        let quarter = IntervalLength::QUARTER_HOUR;
        let tick = |now| running_tick(now, 0, quarter, 5_000).boundary;
        assert_eq!(tick(899_999), None);
        assert_eq!(tick(900_000), Some(900_000));
        assert_eq!(tick(904_999), Some(900_000));
        assert_eq!(tick(905_000), None);
    }

    #[test]
    fn a_followed_clock_is_the_systems_moved() {
        let tick = running_tick(1_000_000, -100_500, IntervalLength::QUARTER_HOUR, 5_000);
        assert_eq!((tick.now_ms, tick.boundary), (899_500, None));
        assert_eq!(tick.ahead_ms, -100_500);
    }
}
