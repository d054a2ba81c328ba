//! The node's end of the topics: batches come in, receipts go out.
//!
//! Nothing is kept here. A batch that is lost between broker and store has no receipt, so its
//! gateway sends it again.

use std::time::Duration;

use energy_core::{GatewayId, ZoneId};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS};
use tokio::sync::{mpsc, watch};

/// Batches waiting for the store; when it is full the broker has to wait.
const BACKLOG: usize = 4_096;
/// The largest message either way.
const PACKET_BYTES_MAX: usize = 1 << 20;
const RETRY: Duration = Duration::from_millis(500);

/// Receipts on their way out.
#[derive(Debug, Clone)]
pub struct ReceiptSender {
    client: AsyncClient,
    zone: ZoneId,
}

impl ReceiptSender {
    /// Publishes a receipt, at QoS 0: a lost one only makes the gateway send its batch again, and an
    /// acknowledgement would hold up the next receipt on the same connection.
    pub fn send(&self, gateway: GatewayId, receipt: Vec<u8>) {
        let topic = format!("commonwatt/v1/{}/{gateway}/receipt", self.zone);
        // Never awaited: who takes in batches must not wait for who is sending receipts.
        if let Err(error) = self
            .client
            .try_publish(topic, QoS::AtMostOnce, false, receipt)
        {
            tracing::debug!(%error, gateway.id = %gateway, "a receipt could not be handed to the broker");
        }
    }
}

/// Connects to the broker, for as long as `shutdown` stays false, and delivers the payloads that
/// arrive on the zone's batch topics.
#[must_use]
pub fn connect(
    broker: (&str, u16),
    zone: &ZoneId,
    client_id: &str,
    shutdown: watch::Receiver<bool>,
) -> (ReceiptSender, mpsc::Receiver<Vec<u8>>) {
    let mut options = MqttOptions::new(client_id, broker.0, broker.1);
    options.set_clean_session(false);
    options.set_keep_alive(Duration::from_secs(15));
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    options.set_inflight(1_000);
    let (client, mut events) = AsyncClient::new(options, BACKLOG);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);

    let (payloads, inbox) = mpsc::channel(BACKLOG);
    let filter = format!("commonwatt/v1/{zone}/+/batch");
    let address = format!("{}:{}", broker.0, broker.1);
    tokio::spawn(receive(
        address,
        events,
        client.clone(),
        filter,
        payloads,
        shutdown,
    ));
    (
        ReceiptSender {
            client,
            zone: zone.clone(),
        },
        inbox,
    )
}

async fn receive(
    broker: String,
    mut events: EventLoop,
    client: AsyncClient,
    filter: String,
    payloads: mpsc::Sender<Vec<u8>>,
    mut shutdown: watch::Receiver<bool>,
) {
    loop {
        let event = tokio::select! {
            event = events.poll() => event,
            _ = shutdown.wait_for(|stop| *stop) => return,
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                // Not awaited here: only this loop empties the client's queue.
                if let Err(error) = client.try_subscribe(&filter, QoS::AtLeastOnce) {
                    tracing::error!(%error, topic = filter, "could not subscribe to the batches");
                }
            }
            Ok(Event::Incoming(Packet::Publish(message))) => {
                if payloads.send(message.payload.to_vec()).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, broker, "no connection to the MQTT broker at {broker}; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
