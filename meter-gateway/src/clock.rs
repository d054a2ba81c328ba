//! The clock that a gateway follows: grid time as a stream of ticks.
//!
//! A stepped clock (a demo, a test) is driven from outside and stands on a boundary until every
//! gateway has read there. The system clock runs by itself; then a reading carries the instant at
//! which it was really taken.

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
}

/// For how long after a boundary the system clock still names it, so that nobody misses it.
#[cfg(feature = "edge")]
const BOUNDARY_SHOWN_MS: i64 = 5_000;
/// How often the system clock shows a new time.
#[cfg(feature = "edge")]
const STEP_MS: i64 = 500;

#[cfg(any(feature = "edge", test))]
fn system_tick(now_ms: i64, interval: energy_core::IntervalLength, shown_ms: i64) -> Tick {
    let boundary = interval.containing(now_ms.div_euclid(1_000)).millis();
    let fresh = now_ms.saturating_sub(boundary) < shown_ms;
    Tick {
        now_ms,
        boundary: fresh.then_some(boundary),
        stepped: false,
    }
}

/// Starts a task that shows the system's time, with a tick right after every boundary of `interval`,
/// until nobody listens any more. Needs a tokio runtime.
#[cfg(feature = "edge")]
#[must_use]
pub fn system_clock(interval: energy_core::IntervalLength) -> tokio::sync::watch::Receiver<Tick> {
    let (ticks, clock) =
        tokio::sync::watch::channel(system_tick(system_now_ms(), interval, BOUNDARY_SHOWN_MS));
    tokio::spawn(async move {
        while !ticks.is_closed() {
            let now = system_now_ms();
            let seconds = now.div_euclid(1_000);
            let next = interval.containing(seconds).next(interval).millis();
            let wait = next.saturating_sub(now).clamp(1, STEP_MS);
            tokio::time::sleep(std::time::Duration::from_millis(wait.unsigned_abs())).await;
            ticks.send_replace(system_tick(system_now_ms(), interval, BOUNDARY_SHOWN_MS));
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
        let tick = |now| system_tick(now, quarter, 5_000).boundary;
        assert_eq!(tick(899_999), None);
        assert_eq!(tick(900_000), Some(900_000));
        assert_eq!(tick(904_999), Some(900_000));
        assert_eq!(tick(905_000), None);
    }
}
