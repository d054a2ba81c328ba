//! The way to the node: batches out, receipts in, by MQTT.
//!
//! What a broker acknowledges means nothing: a batch is sent again until the node's signed receipt is
//! there. rumqttc silently drops what is queued when the broker forgot the session, so nothing is
//! ever queued for safety there: the outbox is the queue. The client's event loop runs in a task of
//! its own that never waits for anything else; it is rebuilt when it shows no sign of life.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use energy_core::{GatewayId, Hash, Receipt, VerifyingKey};
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS, SubscribeReasonCode,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::config::BrokerConfig;
use crate::outbox::{Outbox, OutboxError};
use crate::status::GatewayStatus;

/// Batches on their way at the same time.
const WINDOW: usize = 32;
/// Room in the client's queue; less than what the broker may leave unacknowledged.
const QUEUE: usize = 64;
const INFLIGHT: u16 = 100;
const PACKET_BYTES_MAX: usize = 1 << 20;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A live connection says something at least every keep-alive.
const LIFE_SIGN: Duration = Duration::from_secs(45);
const RESEND_FIRST: Duration = Duration::from_secs(5);
const RESEND_LAST: Duration = Duration::from_secs(60);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(10);
const RECEIPTS_WAITING: usize = 256;

/// The outbox, shared between the one who fills and the one who empties it.
#[derive(Debug, Clone)]
pub struct SharedOutbox(Arc<Mutex<Outbox>>);

impl SharedOutbox {
    /// Shares an outbox.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self(Arc::new(Mutex::new(outbox)))
    }

    /// The outbox, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Outbox> {
        // Every method of the outbox leaves it whole before anything in it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose batches go where, and whose receipts count.
#[derive(Debug, Clone)]
pub struct UplinkPlan {
    /// The gateway: also the client's id, which must stay the same.
    pub gateway: GatewayId,
    /// The broker.
    pub broker: BrokerConfig,
    /// Where batches are published.
    pub batch_topic: String,
    /// Where receipts come.
    pub receipt_topic: String,
    /// Whose receipts count.
    pub node_key: VerifyingKey,
    /// What receipts are bound to.
    pub zone_document: Hash,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Link {
    up: bool,
    /// Rises with every connection on which what was sent before may be lost.
    session: u64,
}

/// Sends what is in the outbox and takes receipts until `shutdown` is true. `filled` is notified when
/// there is something new.
pub async fn run(
    plan: UplinkPlan,
    outbox: SharedOutbox,
    filled: Arc<Notify>,
    status: watch::Sender<GatewayStatus>,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut client = MqttClient::start(&plan);
    let mut flight = Flight::default();
    loop {
        let link = *client.link.borrow_and_update();
        flight.follow(link);
        if link.up {
            flight.send(&plan, &client.client, &outbox);
        }
        show(&status, &outbox, link.up);
        let wake = flight.next_resend().min(client.silent_at());
        tokio::select! {
            _ = client.link.changed() => {}
            () = filled.notified() => {}
            receipt = client.receipts.recv() => match receipt {
                Some(bytes) => take_receipt(&plan, &outbox, &status, &bytes),
                None => {
                    client = MqttClient::start(&plan);
                    flight.forget();
                }
            },
            () = sleep_until(wake) => if client.is_silent() {
                tracing::warn!(broker = plan.broker.host, "the connection to the broker shows no sign of life; it is built anew");
                client = MqttClient::start(&plan);
                flight.forget();
            },
            _ = shutdown.wait_for(|stop| *stop) => return,
        }
    }
}

fn show(status: &watch::Sender<GatewayStatus>, outbox: &SharedOutbox, up: bool) {
    status.send_if_modified(|status| {
        let outbox = outbox.lock();
        let before = status.clone();
        status.uplink_up = up;
        status.outbox_depth = outbox.depth();
        status.receipted_through = outbox.receipted_through();
        status.receipted_through_boundary_ms = outbox.receipted_boundary(status.boundary_done_ms);
        *status != before
    });
}

fn take_receipt(
    plan: &UplinkPlan,
    outbox: &SharedOutbox,
    status: &watch::Sender<GatewayStatus>,
    bytes: &[u8],
) {
    let receipt = match Receipt::open(bytes, &plan.node_key, &plan.zone_document) {
        Ok(receipt) if receipt.gateway == plan.gateway => receipt,
        Ok(other) => {
            tracing::warn!(expected = %plan.gateway, got = %other.gateway, "a receipt for another gateway was ignored");
            return;
        }
        Err(error) => {
            tracing::warn!(%error, "what came as a receipt is not one of the node's");
            return;
        }
    };
    for refusal in &receipt.refused {
        tracing::warn!(meter.id = %refusal.meter, sequence = refusal.sequence, reason = ?refusal.reason, "the node refused a reading");
    }
    let refused = u64::try_from(receipt.refused.len()).unwrap_or(u64::MAX);
    let result = outbox.lock().receipt(&receipt);
    let problem = result.err().map(|error: OutboxError| {
        tracing::error!(%error, "a receipt could not be taken");
        error.to_string()
    });
    if refused > 0 || problem.is_some() {
        status.send_modify(|status| {
            status.refused = status.refused.saturating_add(refused);
            status.error = problem.or(status.error.take());
        });
    }
}

/// What was sent and has no receipt yet.
#[derive(Debug, Default)]
struct Flight {
    session: u64,
    sent: BTreeMap<u64, (Instant, u32)>,
    /// The client's queue was full: look again soon.
    crowded: bool,
}

impl Flight {
    fn follow(&mut self, link: Link) {
        if link.session != self.session {
            self.session = link.session;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.sent.clear();
    }

    /// Publishes the oldest batches without receipt that are not on their way, or for too long.
    fn send(&mut self, plan: &UplinkPlan, client: &AsyncClient, outbox: &SharedOutbox) {
        self.crowded = false;
        let outbox = outbox.lock();
        let pending = outbox.pending(WINDOW);
        self.sent
            .retain(|sequence, _| pending.binary_search(sequence).is_ok());
        let now = Instant::now();
        for sequence in pending {
            let times = match self.sent.get(&sequence) {
                Some((at, times)) if *at + resend_after(*times) > now => continue,
                Some((_, times)) => times.saturating_add(1),
                None => 0,
            };
            // An acknowledgement by the broker would say nothing, and costs: a broker without TCP_NODELAY
            // holds the receipt back behind it for 40 ms. A batch that had no receipt in time may have
            // met a node that was away, so then the broker is asked to keep it.
            let qos = if times == 0 {
                QoS::AtMostOnce
            } else {
                QoS::AtLeastOnce
            };
            let batch = match outbox.read(sequence) {
                Ok(Some(batch)) => batch,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(%error, batch.sequence = sequence, "a batch cannot be read from the outbox");
                    continue;
                }
            };
            if client
                .try_publish(&plan.batch_topic, qos, false, batch)
                .is_err()
            {
                self.crowded = true;
                return;
            }
            self.sent.insert(sequence, (now, times));
        }
    }

    fn next_resend(&self) -> Instant {
        let crowded = self
            .crowded
            .then(|| Instant::now() + Duration::from_millis(20));
        let due = self
            .sent
            .values()
            .map(|(at, times)| *at + resend_after(*times))
            .min();
        crowded
            .or(due)
            .unwrap_or_else(|| Instant::now() + LIFE_SIGN)
    }
}

fn resend_after(times: u32) -> Duration {
    RESEND_FIRST
        .saturating_mul(2_u32.saturating_pow(times))
        .min(RESEND_LAST)
}

/// One life of the MQTT client: dropping it ends its event loop.
struct MqttClient {
    client: AsyncClient,
    link: watch::Receiver<Link>,
    receipts: mpsc::Receiver<Vec<u8>>,
    alive: Arc<AtomicU64>,
    seen: std::cell::Cell<(u64, Instant)>,
    task: tokio::task::JoinHandle<()>,
}

impl MqttClient {
    fn start(plan: &UplinkPlan) -> Self {
        let mut options = MqttOptions::new(
            format!("gateway-{}", plan.gateway),
            &plan.broker.host,
            plan.broker.port,
        );
        options.set_clean_session(false);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_inflight(INFLIGHT);
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        let (client, mut events) = AsyncClient::new(options, QUEUE);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let (link_tx, link) = watch::channel(Link::default());
        let (receipts_tx, receipts) = mpsc::channel(RECEIPTS_WAITING);
        let alive = Arc::new(AtomicU64::new(0));
        let turn = EventTurn {
            client: client.clone(),
            receipt_topic: plan.receipt_topic.clone(),
            link: link_tx,
            receipts: receipts_tx,
            alive: Arc::clone(&alive),
        };
        let task = tokio::spawn(turn.run(events));
        Self {
            client,
            link,
            receipts,
            alive,
            seen: std::cell::Cell::new((0, Instant::now())),
            task,
        }
    }

    /// When the connection will have been silent for too long, as far as is known now.
    fn silent_at(&self) -> Instant {
        let signs = self.alive.load(Ordering::Relaxed);
        if signs != self.seen.get().0 {
            self.seen.set((signs, Instant::now()));
        }
        self.seen.get().1 + LIFE_SIGN
    }

    fn is_silent(&self) -> bool {
        self.silent_at() <= Instant::now()
    }
}

impl Drop for MqttClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task that turns the client's event loop.
struct EventTurn {
    client: AsyncClient,
    receipt_topic: String,
    link: watch::Sender<Link>,
    receipts: mpsc::Sender<Vec<u8>>,
    alive: Arc<AtomicU64>,
}

impl EventTurn {
    async fn run(self, mut events: EventLoop) {
        let mut retry = RETRY_FIRST;
        let mut session = 0;
        loop {
            let event = events.poll().await;
            self.alive.fetch_add(1, Ordering::Relaxed);
            match event {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    retry = RETRY_FIRST;
                    if !ack.session_present {
                        session += 1;
                    }
                    if self
                        .client
                        .try_subscribe(&self.receipt_topic, QoS::AtLeastOnce)
                        .is_err()
                    {
                        // Without receipts nothing is ever done: begin again with an empty queue.
                        return;
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) => {
                    if ack.return_codes.contains(&SubscribeReasonCode::Failure) {
                        tracing::error!(
                            topic = self.receipt_topic,
                            "the broker refuses the subscription to receipts"
                        );
                    } else {
                        self.link.send_replace(Link { up: true, session });
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    // A receipt that finds no room is asked for again by sending the batch again.
                    if publish.topic == self.receipt_topic
                        && self.receipts.try_send(publish.payload.to_vec()).is_err()
                    {
                        tracing::warn!("a receipt was dropped because too many are waiting");
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    if self.link.borrow().up {
                        tracing::warn!(%error, "the connection to the broker is lost; trying again");
                    }
                    self.link.send_replace(Link { up: false, session });
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(RETRY_LAST);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_sent_again_ever_more_slowly() {
        assert_eq!(resend_after(0), RESEND_FIRST);
        assert_eq!(resend_after(2), RESEND_FIRST * 4);
        assert_eq!(resend_after(60), RESEND_LAST);
    }

    #[test]
    fn a_lost_session_sends_everything_again() {
        let mut flight = Flight {
            sent: BTreeMap::from([(7, (Instant::now(), 0))]),
            ..Flight::default()
        };
        flight.follow(Link {
            up: true,
            session: 0,
        });
        assert_eq!(flight.sent.len(), 1);
        flight.follow(Link {
            up: true,
            session: 1,
        });
        assert!(flight.sent.is_empty());
    }
}
