//! Who is on the street: zone, homes, meters, gateways and log-ins, made from the seed and kept.
//!
//! The same seed gives the same ids, addresses and chain keys. Gateway keys are made by the gateways
//! and stay in their folders.

use std::path::Path;

use anyhow::Context as _;
use clearing_house::accept::MeterRole;
use clearing_house::{Fees, Mechanism, Tariff, ZoneRules};
use energy_core::{
    Address, GatewayId, IntervalLength, IntervalStart, MeterId, MicroPricePerKwh, NanoAmount,
    SigningKey, ZoneDocument, ZoneId, keccak,
};
use meter_gateway::config::{BrokerConfig, ZoneConfig};
use meter_gateway::{DeviceConfig, Durability, Endpoint, GatewayConfig};
use settlement::chain::ChainKey;
use simulations::devices::VirtualDevice;
use simulations::homes::{DeviceRole, Home, Street};
use store::{GatewayRecord, HomeRecord, MeterRecord, Store, UserRecord, UserRole};

use super::console::Login;
use crate::node::address::BrokerAddress;
use crate::node::market::TradingHome;
use crate::verify::{KeyText, Trust};

/// The most power of a house connection (63 A, three phases), in W.
const CONNECTION_W_MAX: u32 = 43_000;
/// How often a gateway reads between boundaries, in grid seconds.
const POLL_S: u32 = 60;

/// What the seed decides, and how the street makes its trades.
pub(super) struct Names {
    seed: [u8; 8],
    pub(super) zone: ZoneId,
    pub(super) length: IntervalLength,
    mechanism: Mechanism,
}

impl Names {
    pub(super) fn new(seed: u64, mechanism: Mechanism) -> anyhow::Result<Self> {
        let zone = ZoneId::new("elm-street")?;
        Ok(Self {
            seed: seed.to_be_bytes(),
            zone,
            length: IntervalLength::QUARTER_HOUR,
            mechanism,
        })
    }

    fn name(&self, text: &str) -> Vec<u8> {
        [&self.seed[..], text.as_bytes()].concat()
    }

    pub(super) fn meter(&self, device: &str) -> MeterId {
        MeterId::derived("commonwatt/demo/meter", &self.name(device))
    }

    fn gateway(&self, home: &Home) -> GatewayId {
        GatewayId::derived("commonwatt/demo/gateway", &self.name(&home.id.to_string()))
    }

    /// The key of an account on the demo's chain.
    pub(super) fn chain_key(&self, account: &str) -> ChainKey {
        ChainKey::derived(&self.seed, account)
    }

    pub(super) fn home_key(&self, home: &Home) -> ChainKey {
        self.chain_key(&format!("home-{}", home.id))
    }

    pub(super) fn rules(&self) -> ZoneRules {
        let price = MicroPricePerKwh::new;
        ZoneRules {
            zone: self.zone.clone(),
            interval: self.length,
            tariff: Tariff::flat(price(300_000), price(80_000)),
            fees: Fees {
                buyer: price(5_000),
                seller: price(5_000),
            },
            mechanism: self.mechanism,
            k_ppm: 500_000,
            cutoff_s: 60,
            credit_limit: NanoAmount::ZERO,
            order_secret: *keccak(&[b"commonwatt/demo/order-secret", &self.seed]).as_bytes(),
        }
    }

    /// The accounts of the first two leaves: grid operator and utility.
    pub(super) fn house_accounts(&self) -> (Address, Address) {
        (
            self.chain_key("grid-operator").address(),
            self.chain_key("utility").address(),
        )
    }

    /// The homes as the market needs them, by number.
    pub(super) fn trading_homes(&self, street: &Street) -> Vec<TradingHome> {
        let trading = |home: &Home| TradingHome {
            home: home.id,
            address: self.home_key(home).address(),
            meter: self.meter(&home.connection_meter().name),
            generation: home
                .generation_meter()
                .map(|device| self.meter(&device.name)),
            has_battery: home.has_battery(),
        };
        street.homes().iter().map(trading).collect()
    }
}

/// What a gateway needs besides its devices.
pub(super) struct GatewayPlan<'a> {
    pub(super) data_dir: &'a Path,
    pub(super) document: &'a ZoneDocument,
    pub(super) node_key: &'a SigningKey,
    pub(super) broker: &'a BrokerAddress,
    pub(super) durability: Durability,
}

/// The configuration of a home's gateway.
pub(super) fn gateway_config(
    names: &Names,
    home: &Home,
    devices: &[VirtualDevice],
    plan: &GatewayPlan<'_>,
) -> GatewayConfig {
    let folder = plan
        .data_dir
        .join("gateways")
        .join(format!("home-{}", home.id));
    let device = |device: &VirtualDevice| DeviceConfig {
        name: device.name.clone(),
        meter: names.meter(&device.name),
        profile: device.profile.to_owned(),
        endpoint: match &device.endpoint {
            simulations::devices::Endpoint::Modbus { address, unit } => Endpoint::Modbus {
                host: address.ip().to_string(),
                port: address.port(),
                unit: *unit,
            },
            simulations::devices::Endpoint::Mqtt { .. } => Endpoint::Mqtt {
                device: device.name.clone(),
                host: None,
                port: None,
            },
        },
        reset_declared: false,
        exchanged_for: None,
    };
    GatewayConfig {
        gateway: names.gateway(home),
        key_file: folder.join("key"),
        node_key: hex::encode(plan.node_key.verifying_key().to_bytes()),
        outbox: folder.join("outbox"),
        outbox_mib: 64,
        durability: plan.durability,
        poll_s: POLL_S,
        round_timeout_ms: 5_000,
        clock: None,
        profiles: None,
        zone: ZoneConfig::of(plan.document),
        broker: BrokerConfig {
            host: plan.broker.host.clone(),
            port: plan.broker.port,
        },
        devices: devices
            .iter()
            .filter(|d| d.home == home.id)
            .map(device)
            .collect(),
    }
}

/// Keeps the zone, its homes, meters and gateways, and writes each home's trust file.
pub(super) fn enrol(
    store: &Store,
    names: &Names,
    street: &Street,
    document: &ZoneDocument,
    data_dir: &Path,
    node_key: &SigningKey,
) -> anyhow::Result<()> {
    store.put_zone(&names.zone, &names.rules())?;
    store.put_zone_document(document)?;
    let trust_dir = data_dir.join("trust");
    std::fs::create_dir_all(&trust_dir)
        .with_context(|| format!("making {}", trust_dir.display()))?;
    for home in street.homes() {
        let address = names.home_key(home).address();
        let mut record = HomeRecord::new(
            home.id,
            names.zone.clone(),
            &home.name,
            address,
            &home.preference,
        )?;
        record.has_battery = home.has_battery();
        record.has_generation = home.has_pv();
        store.put_home(&record)?;

        let folder = data_dir.join("gateways").join(format!("home-{}", home.id));
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let key = meter_gateway::keys::load_or_create(&folder.join("key"))?;
        let public_key = key.verifying_key().to_bytes();
        let gateway = names.gateway(home);
        let name = format!("gateway of {}", home.name);
        store.put_gateway(&GatewayRecord {
            gateway,
            zone: names.zone.clone(),
            name,
            public_key,
        })?;
        for device in &home.devices {
            store.put_meter(&MeterRecord {
                meter: names.meter(&device.name),
                home: home.id,
                gateway,
                role: match device.role {
                    DeviceRole::Connection => MeterRole::ConnectionPoint,
                    DeviceRole::Generation => MeterRole::Generation,
                },
                profile: device.kind.profile().to_owned(),
                power_w_max: CONNECTION_W_MAX,
                frozen: false,
            })?;
        }
        let path = trust_dir.join(format!("home-{}.json", home.id));
        if !path.exists() {
            let trust = Trust {
                chain_id: document.chain_id,
                contract: document.settlement,
                home: home.id,
                account: address,
                connection_meter: names.meter(&home.connection_meter().name),
                generation_meter: home
                    .generation_meter()
                    .map(|device| names.meter(&device.name)),
                gateway_key: KeyText::new(public_key),
                node_key: KeyText::new(node_key.verifying_key().to_bytes()),
                roots: std::collections::BTreeSet::new(),
            };
            trust.save(&path)?;
        }
    }
    Ok(())
}

/// The registrations of all connection-point meters, for the chain.
pub(super) fn registrations(
    store: &Store,
    names: &Names,
    street: &Street,
    from: IntervalStart,
) -> anyhow::Result<Vec<settlement::chain::MeterRegistration>> {
    let mut registrations = Vec::new();
    for home in street.homes() {
        let gateway = store
            .gateway(&names.gateway(home))?
            .context("every home has a gateway")?;
        registrations.push(settlement::chain::MeterRegistration {
            meter: names.meter(&home.connection_meter().name),
            owner: names.home_key(home).address(),
            zone: names.zone.clone(),
            role: settlement::chain::MeterRole::Connection,
            capacity_w: CONNECTION_W_MAX,
            gateway_key: gateway.public_key,
            valid_from: u64::try_from(from.seconds())?,
        });
    }
    Ok(registrations)
}

/// The demo's log-ins. The household is one that sells by day and buys by night: a solar roof without
/// a battery.
pub(super) fn log_ins(store: &Store, street: &Street) -> anyhow::Result<Vec<Login>> {
    let homes = street.homes();
    let sells =
        |home: &&Home| home.has_pv() && !home.has_battery() && home.generation_meter().is_some();
    let household = homes
        .iter()
        .find(sells)
        .or_else(|| homes.iter().find(|h| h.has_pv()))
        .or(homes.first());
    let household = household.context("a street has homes")?.id;
    let mut logins = Vec::new();
    for (role, kept, home) in [
        ("household", UserRole::Household, Some(household)),
        ("operator", UserRole::Operator, None),
        ("researcher", UserRole::Researcher, None),
    ] {
        let password = format!("elm-street-{role}");
        if store.user(role)?.is_none() {
            let password_hash = web::hash_password(&password)?;
            store.put_user(&UserRecord {
                login: role.to_owned(),
                password_hash,
                role: kept,
                home,
            })?;
        }
        logins.push(Login {
            role,
            name: role.to_owned(),
            password,
            home,
        });
    }
    Ok(logins)
}
