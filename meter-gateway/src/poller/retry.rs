//! How soon a device that failed is asked again: at once within a round, later between boundaries.

use super::DeviceError;

/// After how many ms a failed read is tried again on the spot, none to give up for this round.
///
/// `attempt` counts from 1. A device that failed the round before gets one try a round, so that a
/// dead one costs little.
#[must_use]
pub fn retry_after_ms(error: &DeviceError, attempt: u32, was_healthy: bool) -> Option<u32> {
    const ATTEMPTS_MAX: u32 = 3;
    const WAIT_MS_MAX: u32 = 500;
    let transient = matches!(
        error,
        DeviceError::Unreachable { .. }
            | DeviceError::Timeout { .. }
            | DeviceError::Broken { .. }
            | DeviceError::MapMoved { .. }
            | DeviceError::NotConfirmed { .. }
            | DeviceError::Exception { code: 5 | 6, .. }
    );
    let again = transient && was_healthy && attempt < ATTEMPTS_MAX;
    again.then(|| {
        20_u32
            .saturating_mul(5_u32.saturating_pow(attempt.saturating_sub(1)))
            .min(WAIT_MS_MAX)
    })
}

/// For how many ms a device that failed `rounds` times in a row is left alone between boundaries.
#[must_use]
pub fn rest_ms(rounds: u32) -> u64 {
    const REST_MS_MAX: u64 = 60_000;
    if rounds == 0 {
        0
    } else {
        500_u64
            .saturating_mul(2_u64.saturating_pow(rounds))
            .min(REST_MS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ReadRequest;

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_so_often() {
        let request = ReadRequest::holding(0, 1);
        let timeout = DeviceError::Timeout {
            request,
            timeout_ms: 10,
        };
        assert_eq!(retry_after_ms(&timeout, 1, true), Some(20));
        assert_eq!(retry_after_ms(&timeout, 2, true), Some(100));
        assert_eq!(retry_after_ms(&timeout, 3, true), None);
        assert_eq!(retry_after_ms(&timeout, 1, false), None);
        assert_eq!(
            retry_after_ms(&DeviceError::Exception { request, code: 2 }, 1, true),
            None
        );
        assert_eq!((rest_ms(0), rest_ms(1), rest_ms(99)), (0, 1_000, 60_000));
    }
}
