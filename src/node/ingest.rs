//! From bytes on a topic to a receipt: verify, judge, keep, sign.
//!
//! Batches that arrived together are kept in one transaction; only after that are their receipts
//! signed. What is not authentic is kept aside with the reason and gets no receipt; an authentic
//! reading that is refused is kept with its reason and gets one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use clearing_house::accept::{Known, Neighbour, Registration, Verdict, verdict};
use energy_core::{
    GatewayId, Hash, HomeId, MeterId, ReadingBatch, Receipt, RefusalReason, SigningKey,
    VerifyingKey,
};
use meter_gateway::intake::ReceiptSender;
use store::{AcceptedBatch, RejectedMessage, Store};
use tokio::sync::{mpsc, watch};

/// The most batches in one transaction.
const GROUP_MAX: usize = 256;
/// How far a gateway's clock may run ahead of the node's.
const LEAD_MS_MAX: u64 = 2_000;
/// After this many failures of the store in a row ingest gives up.
const FAILURES_MAX: u32 = 20;
/// Pause after a failure.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);
/// The most refusals that one receipt names.
const REFUSALS_MAX: u32 = 100;

/// A reading that was taken in, for whoever watches.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Whose.
    pub home: HomeId,
    /// Whether it is the connection-point meter's.
    pub is_connection: bool,
    /// Power, positive when taken from the grid.
    pub power_w: Option<i32>,
    /// State of charge.
    pub soc_permille: Option<u16>,
}

/// Signed receipts by gateway, and the accepted readings.
pub type TakenIn = (Vec<(GatewayId, Vec<u8>)>, Vec<Seen>);

/// Who may sign for what.
#[derive(Default)]
struct Registry {
    gateways: BTreeMap<GatewayId, VerifyingKey>,
    registrations: BTreeMap<MeterId, Registration>,
}

/// One batch that was kept.
pub struct Kept {
    /// The signed receipt.
    pub receipt: Vec<u8>,
    /// Its accepted readings.
    pub seen: Vec<Seen>,
}

/// Everything that ingest knows beforehand. Clones share it.
#[derive(Clone)]
pub struct Ingest {
    store: Store,
    zone: energy_core::ZoneId,
    node_key: SigningKey,
    epoch: u64,
    zone_document: Hash,
    registry: Arc<RwLock<Arc<Registry>>>,
    /// Batches come by the broker and by HTTP. A verdict looks at what is kept, so one group is taken in
    /// at a time.
    turn: Arc<Mutex<()>>,
}

impl Ingest {
    /// Ingest for the gateways and meters that are registered now.
    ///
    /// # Errors
    /// If the store fails or a kept key is none.
    pub fn new(
        store: Store,
        zone: &energy_core::ZoneId,
        zone_document: Hash,
        node_key: SigningKey,
    ) -> anyhow::Result<Self> {
        let ingest = Self {
            epoch: store.epoch()?,
            store,
            zone: zone.clone(),
            node_key,
            zone_document,
            registry: Arc::default(),
            turn: Arc::default(),
        };
        ingest.look_up_registry()?;
        Ok(ingest)
    }

    /// Looks up who may sign for what, after somebody was enrolled.
    ///
    /// # Errors
    /// If the store fails or a kept key is none.
    pub fn look_up_registry(&self) -> anyhow::Result<()> {
        let mut registry = Registry::default();
        for gateway in self.store.gateways(&self.zone)? {
            let key = VerifyingKey::from_bytes(&gateway.public_key)
                .with_context(|| format!("the key of gateway {}", gateway.gateway))?;
            registry.gateways.insert(gateway.gateway, key);
        }
        for meter in self.store.meters(&self.zone)? {
            registry
                .registrations
                .insert(meter.meter, meter.registration());
        }
        *self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
        Ok(())
    }

    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what arrives until the inbox closes. `millis` is grid time; `seen` is told of every
    /// accepted reading.
    ///
    /// # Errors
    /// If the store keeps failing.
    pub async fn run(
        self,
        mut inbox: mpsc::Receiver<Vec<u8>>,
        receipts: ReceiptSender,
        millis: watch::Receiver<i64>,
        seen: impl Fn(Seen) + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        let mut group = Vec::new();
        let mut failed = 0;
        while inbox.recv_many(&mut group, GROUP_MAX).await > 0 {
            let payloads = std::mem::take(&mut group);
            let now_ms = *millis.borrow();
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.take_in(payloads, now_ms)).await? {
                Ok((signed, accepted)) => {
                    failed = 0;
                    for (gateway, receipt) in signed {
                        receipts.send(gateway, receipt);
                    }
                    accepted.into_iter().for_each(&seen);
                }
                // Nothing of the group is receipted, so its gateways send it again.
                Err(error) if failed < FAILURES_MAX => {
                    failed += 1;
                    tracing::error!(
                        error = format!("{error:#}"),
                        "readings could not be kept; waiting for them again"
                    );
                    tokio::time::sleep(FAILURE_PAUSE).await;
                }
                Err(error) => return Err(error.context("keeping readings")),
            }
        }
        Ok(())
    }

    /// Keeps what is authentic of these payloads and returns the receipts for it.
    ///
    /// # Errors
    /// If the store fails; then nothing is receipted.
    pub fn take_in(&self, payloads: Vec<Vec<u8>>, now_ms: i64) -> anyhow::Result<TakenIn> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut authentic = Vec::new();
        for payload in payloads {
            match self.authentic(&payload) {
                Ok(batch) => authentic.push(batch),
                Err(reason) => self.reject(payload, "mqtt", &reason, now_ms)?,
            }
        }
        self.keep_all(authentic, now_ms)
    }

    /// Keeps one batch that came by HTTP; gives the reason when it is not authentic.
    ///
    /// # Errors
    /// If the store fails; then nothing is receipted.
    pub fn take_one(&self, payload: Vec<u8>, now_ms: i64) -> anyhow::Result<Result<Kept, String>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match self.authentic(&payload) {
            Ok(batch) => {
                let (mut receipts, seen) = self.keep_all(vec![batch], now_ms)?;
                let (_, receipt) = receipts.pop().context("an authentic batch has a receipt")?;
                Ok(Ok(Kept { receipt, seen }))
            }
            Err(reason) => {
                self.reject(payload, "http", &reason, now_ms)?;
                Ok(Err(reason))
            }
        }
    }

    fn keep_all(&self, mut authentic: Vec<ReadingBatch>, now_ms: i64) -> anyhow::Result<TakenIn> {
        // A verdict looks at the readings that are kept, so a gateway's next batch waits for its last.
        authentic.sort_by_key(|batch| batch.header().sequence);
        let mut receipts = BTreeMap::new();
        let mut seen = Vec::new();
        while !authentic.is_empty() {
            let mut gateways = BTreeSet::new();
            let (wave, later) = authentic
                .into_iter()
                .partition(|batch| gateways.insert(batch.header().gateway));
            authentic = later;
            self.keep(wave, now_ms, &mut receipts, &mut seen)?;
        }
        Ok((receipts.into_iter().collect(), seen))
    }

    fn authentic(&self, payload: &[u8]) -> Result<ReadingBatch, String> {
        let batch = ReadingBatch::from_bytes(payload).map_err(|e| e.to_string())?;
        let gateway = batch.header().gateway;
        let registry = self.registry();
        let key = registry
            .gateways
            .get(&gateway)
            .ok_or_else(|| format!("no gateway {gateway} is registered"))?;
        batch
            .verify(key, &self.zone_document)
            .map_err(|e| e.to_string())?;
        keepable(&batch)?;
        Ok(batch)
    }

    fn reject(
        &self,
        bytes: Vec<u8>,
        source: &str,
        reason: &str,
        now_ms: i64,
    ) -> anyhow::Result<()> {
        tracing::warn!(reason, source, "a batch is not authentic; kept aside");
        self.store.record_rejected(&RejectedMessage {
            received_ms: now_ms,
            source: source.to_owned(),
            reason: reason.to_owned(),
            bytes,
        })?;
        Ok(())
    }

    fn keep(
        &self,
        wave: Vec<ReadingBatch>,
        now_ms: i64,
        receipts: &mut BTreeMap<GatewayId, Vec<u8>>,
        seen: &mut Vec<Seen>,
    ) -> anyhow::Result<()> {
        let registry = self.registry();
        let mut accepted = Vec::with_capacity(wave.len());
        for batch in &wave {
            let verdicts = self.verdicts(&registry, batch, now_ms)?;
            for (reading, refused) in batch.readings().iter().zip(&verdicts) {
                if let (None, Some(registration)) =
                    (refused, registry.registrations.get(&reading.meter))
                {
                    seen.push(Seen {
                        home: registration.home,
                        is_connection: registration.role
                            == clearing_house::accept::MeterRole::ConnectionPoint,
                        power_w: reading.power.map(energy_core::Watts::get),
                        soc_permille: reading.soc_permille,
                    });
                }
            }
            accepted.push(AcceptedBatch::new(
                batch,
                self.zone_document,
                now_ms,
                &verdicts,
            )?);
        }
        let outcomes = self.store.insert_batches(&accepted)?;
        for (batch, outcome) in wave.iter().zip(outcomes) {
            let gateway = batch.header().gateway;
            for refusal in &outcome.refused {
                tracing::warn!(meter.id = %refusal.meter, sequence = refusal.sequence, reason = ?refusal.reason, "a reading was refused");
            }
            // Without its first batch a gateway's chain is complete up to nowhere, and the receipt says so:
            // a node that was restored from nothing asks for everything.
            let (through_sequence, through_hash) = outcome
                .through
                .map_or((0, Hash::ZERO), |through| (through.sequence, through.hash));
            let refused =
                self.store
                    .refusals_since(&gateway, batch.header().sequence, REFUSALS_MAX)?;
            let receipt = Receipt {
                gateway,
                store_epoch: self.epoch,
                through_sequence,
                through_hash,
                refused,
            };
            receipts.insert(gateway, receipt.sign(&self.node_key, &self.zone_document));
        }
        Ok(())
    }

    fn verdicts(
        &self,
        registry: &Registry,
        batch: &ReadingBatch,
        now_ms: i64,
    ) -> anyhow::Result<Vec<Option<RefusalReason>>> {
        let mut newest: BTreeMap<MeterId, Neighbour> = BTreeMap::new();
        let mut verdicts = Vec::with_capacity(batch.readings().len());
        for reading in batch.readings() {
            let time_ms = i64::try_from(reading.time_ms).unwrap_or(i64::MAX);
            let kept = |found: Option<store::KeptReading>| {
                found.map(|kept| Neighbour::from(&kept.reading))
            };
            let before = match newest.get(&reading.meter) {
                Some(neighbour) => Some(*neighbour),
                None => kept(self.store.reading_before(&reading.meter, time_ms)?),
            };
            let after = kept(self.store.reading_after(&reading.meter, time_ms)?);
            let is_frozen = self.store.meter(&reading.meter)?.is_some_and(|m| m.frozen);
            let known = Known {
                registration: registry.registrations.get(&reading.meter),
                is_frozen,
                same_sequence: self.store.known_hash(&reading.meter, reading.sequence)?,
                before: before.as_ref(),
                after: after.as_ref(),
                now_ms: u64::try_from(now_ms).unwrap_or(0),
                lead_ms_max: LEAD_MS_MAX,
            };
            verdicts.push(match verdict(batch.header().gateway, reading, &known) {
                Verdict::Accepted => {
                    newest.insert(reading.meter, Neighbour::from(reading));
                    None
                }
                Verdict::Duplicate => None,
                Verdict::Refused(reason) => Some(reason),
            });
        }
        Ok(verdicts)
    }
}

/// Whether every number of the batch fits the store's 63 bits: no device reaches that, and one that
/// claims to must not stop the others.
fn keepable(batch: &ReadingBatch) -> Result<(), String> {
    let fits = |what: &str, number: u64| match i64::try_from(number) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("expected a {what} below 2^63, got {number}")),
    };
    fits("batch sequence", batch.header().sequence)?;
    for reading in batch.readings() {
        fits("sequence", reading.sequence)?;
        fits("time", reading.time_ms)?;
        let registers = [
            reading.import,
            reading.export,
            reading.pv,
            reading.charge,
            reading.discharge,
        ];
        for register in registers.into_iter().flatten() {
            fits("register", register.get())?;
        }
    }
    Ok(())
}
