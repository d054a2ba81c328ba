//! The event stream: what happened, to everybody who looks on.
//!
//! Invariants: memory is bounded (the newest 1000 events, and at most 256 waiting for a slow client,
//! which is then told to reload); an event reaches only those it is meant for; ids rise by one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use energy_core::HomeId;
use tokio::sync::broadcast;

/// How many past events a client can catch up on.
const REPLAY_MAX: usize = 1_000;
/// How many events may wait for one slow client.
const WAITING_MAX: usize = 256;

/// Who may see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Public,
    /// The home itself and the operator; everybody in a demo that is shown in full.
    Home(HomeId),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEvent {
    /// Rises by one.
    pub id: u64,
    /// `tick`, `interval`, `batch` or `reading`.
    pub name: &'static str,
    /// One line of JSON.
    pub data: String,
    /// Who may see it.
    pub audience: Audience,
}

impl LiveEvent {
    /// The event as it goes over the wire.
    #[must_use]
    pub fn to_wire(&self) -> String {
        format!(
            "id: {}\nevent: {}\ndata: {}\n\n",
            self.id, self.name, self.data
        )
    }
}

#[derive(Debug)]
struct Ring {
    next: u64,
    events: VecDeque<Arc<LiveEvent>>,
}

/// Where events are published and read. Clones share one stream.
#[derive(Debug, Clone)]
pub struct LiveHub {
    ring: Arc<Mutex<Ring>>,
    sender: broadcast::Sender<Arc<LiveEvent>>,
}

impl Default for LiveHub {
    fn default() -> Self {
        Self::new()
    }
}

impl LiveHub {
    /// An empty stream.
    #[must_use]
    pub fn new() -> Self {
        let ring = Ring {
            next: 1,
            events: VecDeque::with_capacity(REPLAY_MAX),
        };
        Self {
            ring: Arc::new(Mutex::new(ring)),
            sender: broadcast::channel(WAITING_MAX).0,
        }
    }

    /// The zone's clock moved. `speed` is grid seconds per wall second.
    pub fn tick(&self, grid_ms: i64, ready: bool) {
        self.publish(
            "tick",
            &serde_json::json!({ "grid_ms": grid_ms, "ready": ready }),
            Audience::Public,
        );
    }

    /// An interval reached a new state.
    pub fn interval(&self, start_s: i64, state: &str) {
        let data =
            serde_json::json!({ "start": crate::format::rfc3339(start_s * 1_000), "state": state });
        self.publish("interval", &data, Audience::Public);
    }

    /// A settlement batch reached a new state.
    pub fn batch(&self, number: u64, state: &str) {
        self.publish(
            "batch",
            &serde_json::json!({ "number": number, "state": state }),
            Audience::Public,
        );
    }

    /// A home's live reading came in. Absent values are left out.
    pub fn reading(&self, home: HomeId, power_w: Option<i32>, soc_permille: Option<u16>) {
        let mut data = serde_json::json!({ "home": home.get() });
        if let (Some(fields), Some(power)) = (data.as_object_mut(), power_w) {
            fields.insert("power_w".into(), power.into());
        }
        if let (Some(fields), Some(soc)) = (data.as_object_mut(), soc_permille) {
            fields.insert("soc_permille".into(), soc.into());
        }
        self.publish("reading", &data, Audience::Home(home));
    }

    fn publish(&self, name: &'static str, data: &serde_json::Value, audience: Audience) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Arc::new(LiveEvent {
            id: ring.next,
            name,
            data: data.to_string(),
            audience,
        });
        ring.next += 1;
        if ring.events.len() == REPLAY_MAX {
            ring.events.pop_front();
        }
        ring.events.push_back(Arc::clone(&event));
        // Nobody listening is not an error. Sent under the lock, so that ids arrive in order.
        let _ = self.sender.send(event);
    }

    /// The events after `last_id` that are still kept, and all that follow.
    ///
    /// Without a last id nothing is replayed.
    #[must_use]
    pub fn subscribe(
        &self,
        last_id: Option<u64>,
    ) -> (Vec<Arc<LiveEvent>>, broadcast::Receiver<Arc<LiveEvent>>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = match last_id {
            // An id from the future is one of an earlier run of the node: everything kept is new.
            Some(id) if id < ring.next => {
                ring.events.iter().filter(|e| e.id > id).cloned().collect()
            }
            Some(_) => ring.events.iter().cloned().collect(),
            None => Vec::new(),
        };
        (missed, self.sender.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_comes_back_gets_what_it_missed_and_no_more() {
        let hub = LiveHub::new();
        (0..5).for_each(|n| hub.batch(n, "final"));
        let (missed, _) = hub.subscribe(Some(3));
        assert_eq!(missed.iter().map(|e| e.id).collect::<Vec<_>>(), [4, 5]);
        assert!(hub.subscribe(None).0.is_empty());
        assert_eq!(hub.subscribe(Some(99)).0.len(), 5);
    }

    #[test]
    fn the_ring_is_bounded() {
        let hub = LiveHub::new();
        (0..1_500).for_each(|n| hub.tick(n, true));
        let (kept, _) = hub.subscribe(Some(0));
        assert_eq!((kept.len(), kept[0].id), (1_000, 501));
    }

    #[test]
    fn an_absent_value_is_left_out() {
        let hub = LiveHub::new();
        hub.reading(HomeId::new(3), None, Some(500));
        let (events, _) = hub.subscribe(Some(0));
        assert_eq!(events[0].data, r#"{"home":3,"soc_permille":500}"#);
        assert_eq!(events[0].audience, Audience::Home(HomeId::new(3)));
    }
}
