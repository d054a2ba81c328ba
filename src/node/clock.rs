//! Grid time above real speed: stepped, persisted, never going back (DESIGN §10).
//!
//! The clock stands on an interval boundary until everything that is due there is done. Then it
//! commits the next boundary, and only after that it moves. A process that dies on the way stands,
//! when it starts again, on the committed boundary: grid time never repeats and never goes back, so
//! a run with kills has the same boundaries as one without.
//!
//! While the history is made the clock jumps from boundary to boundary; afterwards it runs between
//! them at the chosen speed.

use std::time::Duration;

use energy_core::{IntervalLength, IntervalStart};
use meter_gateway::clock::Tick;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often a running clock shows a new time, in wall time.
const TICK: Duration = Duration::from_millis(200);

/// Where the clock begins, how fast it runs and where it ends.
#[derive(Debug, Clone, Copy)]
pub struct ClockPlan {
    /// The zone's interval length.
    pub length: IntervalLength,
    /// Before this boundary history is made: the clock jumps.
    pub live_from: IntervalStart,
    /// Grid seconds per wall second once live.
    pub speed: u32,
    /// The last boundary to stand on, none to run for ever.
    pub stop_at: Option<IntervalStart>,
    /// After the last boundary the clock goes on for this many grid seconds, so that what is
    /// pending there becomes final.
    pub tail_s: u32,
}

/// What has to happen as grid time goes by. The clock waits for both.
pub trait Due {
    /// The clock stands on `boundary`: do everything that is due there.
    fn stand(&mut self, boundary: IntervalStart) -> impl Future<Output = anyhow::Result<()>>;

    /// The clock passed to `now_s` between two boundaries.
    fn pass(&mut self, now_s: i64) -> impl Future<Output = anyhow::Result<()>>;

    /// Remember that the next boundary to stand on is `boundary`, durably, before the clock leaves
    /// the present one.
    fn commit(&mut self, boundary: IntervalStart) -> impl Future<Output = anyhow::Result<()>>;
}

/// The hands of the clock: everything that follows grid time holds a receiver of one of these.
#[derive(Debug, Clone)]
pub struct Hands {
    ticks: watch::Sender<Tick>,
    millis: watch::Sender<i64>,
}

impl Hands {
    /// Hands that stand on `boundary`.
    #[must_use]
    pub fn at(boundary: IntervalStart) -> Self {
        let now_ms = boundary.millis();
        Self {
            ticks: watch::Sender::new(Tick {
                now_ms,
                boundary: Some(now_ms),
                stepped: true,
                ahead_ms: 0,
            }),
            millis: watch::Sender::new(now_ms),
        }
    }

    /// For gateways: the time, and whether the clock stands.
    #[must_use]
    pub fn ticks(&self) -> watch::Receiver<Tick> {
        self.ticks.subscribe()
    }

    /// For devices and pages: the time in ms UTC.
    #[must_use]
    pub fn millis(&self) -> watch::Receiver<i64> {
        self.millis.subscribe()
    }

    fn show(&self, now_ms: i64, boundary: Option<i64>) {
        // Devices first: who hears of a boundary and asks a device must get that boundary's registers.
        self.millis.send_replace(now_ms);
        self.ticks.send_replace(Tick {
            now_ms,
            boundary,
            stepped: true,
            ahead_ms: 0,
        });
    }
}

/// Runs the clock from `committed` until the plan's end or `shutdown`.
///
/// # Errors
/// The first error of a due step.
pub async fn drive(
    plan: &ClockPlan,
    committed: IntervalStart,
    hands: &Hands,
    due: &mut impl Due,
    mut shutdown: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut boundary = committed;
    loop {
        hands.show(boundary.millis(), Some(boundary.millis()));
        tokio::select! {
            done = due.stand(boundary) => done?,
            _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
        }
        let last = plan.stop_at.is_some_and(|stop| boundary >= stop);
        let target_ms = if last {
            boundary.millis() + i64::from(plan.tail_s) * 1_000
        } else {
            boundary.next(plan.length).millis()
        };
        if !last {
            due.commit(boundary.next(plan.length)).await?;
        }
        let jump = !last && boundary < plan.live_from;
        if !jump {
            tokio::select! {
                ran = run_to(target_ms, boundary.millis(), plan.speed, last, hands, due) => ran?,
                _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            }
        }
        if last {
            return Ok(());
        }
        boundary = boundary.next(plan.length);
    }
}

/// Shows grid time from `from_ms` to just before `target_ms`, or through it when `inclusive`.
async fn run_to(
    target_ms: i64,
    from_ms: i64,
    speed: u32,
    inclusive: bool,
    hands: &Hands,
    due: &mut impl Due,
) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        tokio::time::sleep(TICK).await;
        let run_ms = began
            .elapsed()
            .as_millis()
            .saturating_mul(u128::from(speed));
        let now_ms = from_ms.saturating_add(i64::try_from(run_ms).unwrap_or(i64::MAX));
        if now_ms >= target_ms {
            if inclusive {
                hands.show(target_ms, None);
                due.pass(target_ms / 1_000).await?;
            }
            return Ok(());
        }
        hands.show(now_ms, None);
        due.pass(now_ms / 1_000).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Diary(Vec<String>);

    impl Due for Diary {
        async fn stand(&mut self, boundary: IntervalStart) -> anyhow::Result<()> {
            self.0.push(format!("stand {}", boundary.seconds()));
            Ok(())
        }

        async fn pass(&mut self, now_s: i64) -> anyhow::Result<()> {
            assert!(
                now_s % 900 != 0,
                "the boundary itself is stood on, not passed"
            );
            Ok(())
        }

        async fn commit(&mut self, boundary: IntervalStart) -> anyhow::Result<()> {
            self.0.push(format!("commit {}", boundary.seconds()));
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_next_boundary_is_committed_before_the_clock_leaves() {
        let length = IntervalLength::QUARTER_HOUR;
        let at = |s| length.start_at(s).expect("aligned");
        let plan = ClockPlan {
            length,
            live_from: at(2_700),
            speed: 60,
            stop_at: Some(at(1_800)),
            tail_s: 1,
        };
        let mut diary = Diary(Vec::new());
        let (_stop, shutdown) = watch::channel(false);
        let hands = Hands::at(at(0));
        let seen = hands.millis();
        drive(&plan, at(0), &hands, &mut diary, shutdown)
            .await
            .expect("no step fails");
        assert_eq!(
            diary.0,
            [
                "stand 0",
                "commit 900",
                "stand 900",
                "commit 1800",
                "stand 1800"
            ]
        );
        assert_eq!(*seen.borrow(), 1_801_000);
    }
}
