//! One meter that publishes JSON to an MQTT broker.
//!
//! It publishes at every new minute of grid time, a boundary being one, and again whenever the
//! broker has just let it in. Messages are retained, so that who subscribes later knows the last one.
//! The field names are those of Shelly's energy meters: `total_act` is import, `total_act_ret` export.

use std::{sync::Arc, time::Duration};

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde::Serialize;
use tokio::sync::Notify;

use super::{Endpoint, Meter};
use crate::homes::HomeState;

const MINUTE_MS: i64 = 60_000;
const RECONNECT: Duration = Duration::from_secs(1);
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What one message says. Energies are lifetime registers in Wh, powers W, positive from the grid.
#[derive(Debug, Serialize)]
struct Message<'a> {
    device: &'a str,
    /// Unix seconds of the registers.
    ts: i64,
    total_act: u64,
    total_act_ret: u64,
    act_power: i32,
    a_voltage: f64,
    b_voltage: f64,
    c_voltage: f64,
    freq: f64,
}

/// Where a device publishes.
#[must_use]
pub fn topic(device: &str) -> String {
    format!("meters/{device}/status")
}

/// Starts the publisher. It runs until the clock ends.
pub(super) fn start(meter: Meter, broker: &(String, u16)) -> Endpoint {
    let topic = topic(&meter.device.name);
    let mut options = MqttOptions::new(
        format!("virtual-{}", meter.device.name),
        broker.0.clone(),
        broker.1,
    );
    options.set_keep_alive(KEEP_ALIVE);
    let (client, events) = AsyncClient::new(options, 4);
    let let_in = Arc::new(Notify::new());
    // Polling and publishing are two tasks: publishing may wait for room that only polling makes.
    let polling = tokio::spawn(poll(events, Arc::clone(&let_in)));
    let published = topic.clone();
    tokio::spawn(async move {
        publish(meter, &client, &published, &let_in).await;
        polling.abort();
    });
    Endpoint::Mqtt { topic }
}

async fn poll(mut events: EventLoop, let_in: Arc<Notify>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => let_in.notify_one(),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a virtual meter cannot reach the broker");
                tokio::time::sleep(RECONNECT).await;
            }
        }
    }
}

async fn publish(mut meter: Meter, client: &AsyncClient, topic: &str, let_in: &Notify) {
    let_in.notified().await;
    let mut minute_published = None;
    loop {
        let now_ms = *meter.clock.borrow_and_update();
        let minute = now_ms.div_euclid(MINUTE_MS);
        if minute_published != Some(minute) && meter.faults.at(now_ms).is_none() {
            minute_published = Some(minute);
            let Some(message) = message(&meter, now_ms) else {
                return;
            };
            if client
                .publish(topic, QoS::AtLeastOnce, true, message)
                .await
                .is_err()
            {
                return;
            }
        }
        tokio::select! {
            changed = meter.clock.changed() => if changed.is_err() { return },
            () = let_in.notified() => minute_published = None,
        }
    }
}

/// The message for an instant, cut to whole seconds so that `ts` and the registers agree.
fn message(meter: &Meter, now_ms: i64) -> Option<Vec<u8>> {
    let ts = now_ms.div_euclid(1_000);
    let state = meter.street.state(meter.home.id, ts * 1_000)?;
    serde_json::to_vec(&body(&meter.device.name, ts, &state)).ok()
}

fn body<'a>(device: &'a str, ts: i64, state: &HomeState) -> Message<'a> {
    let [a, b, c] = state.voltage_mv.map(|mv| f64::from(mv) / 1_000.0);
    Message {
        device,
        ts,
        total_act: state.import_wh,
        total_act_ret: state.export_wh,
        act_power: state.power_w,
        a_voltage: a,
        b_voltage: b,
        c_voltage: c,
        freq: f64::from(state.frequency_mhz) / 1_000.0,
    }
}
