//! Starting the parts in order, and stopping them again.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use meter_gateway::Gateway;
use settlement::BatchPeriod;
use simulations::homes::Street as Homes;
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;
use web::{DemoInfo, DemoLogin, LiveHub, NodeStatus, WebState};

use super::arguments::DemoArguments;
use super::chain_setup::{GAS_WEI, WINDOW_S, chain_status, connect_chain, fund, set_up_chain};
use super::console::{self, Banner, IntervalLine, Login};
use super::enrolment::{self, GatewayPlan, Names};
use super::errands::{self, StreetErrands, Withdrawal};
use super::{broker, rpc_server};
use crate::node::address::BrokerAddress;
use crate::node::bundles::StoredBundles;
use crate::node::chain_pump::{ChainPump, PumpPlan};
use crate::node::clock::{ClockPlan, Hands, drive};
use crate::node::gateway_door::ZoneDoor;
use crate::node::ingest::{Ingest, Seen};
use crate::node::market::Market;
use crate::node::street::{Progress, Street, StreetGateway, StreetParts};
use crate::node::tx_journal::StoredJournal;

/// The first boundary of every demo, so that the same seed gives the same run: 2026-06-15 09:00 UTC.
const FIRST_S: i64 = 1_781_514_000;
/// The homes have lived for two days before that, so that batteries are where they would be.
const HOMES_LEAD_S: i64 = 2 * 86_400;
/// After half a day the log-in household takes some of its money back out.
const WITHDRAWAL_AFTER_S: i64 = 12 * 3_600;
/// How long the wall clock's lease on the zone runs.
const LEASE_MS: i64 = 3_650 * 86_400_000;

/// Runs the demo until it is stopped.
///
/// # Errors
/// If a part cannot start; the message says what was expected.
pub fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    crate::cli::log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(demo(arguments));
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

async fn demo(arguments: DemoArguments) -> anyhow::Result<()> {
    let pages = listen(arguments.port, "--port")?;
    let rpc_listener = match arguments.chain {
        None => Some(listen(arguments.rpc_port, "--rpc-port")?),
        Some(_) => None,
    };
    let (data_dir, temporary) = data_folder(arguments.data_dir.clone())?;
    let names = Names::new(arguments.seed, arguments.mechanism)?;
    let first = names.length.start_at(FIRST_S)?;
    let live_from = names
        .length
        .start_at(FIRST_S + i64::from(arguments.history_days) * 86_400)?;
    let stop_at = arguments
        .stop_at
        .map(|time| names.length.start_at(time.timestamp()))
        .transpose()?;
    let homes = Arc::new(Homes::starting(
        arguments.seed,
        arguments.homes,
        FIRST_S - HOMES_LEAD_S,
    )?);

    let store = Store::open(&data_dir.join("commonwatt.db"))?;
    store.agree("seed", &arguments.seed.to_string())?;
    store.agree("homes", &arguments.homes.to_string())?;
    store.agree("history days", &arguments.history_days.to_string())?;
    let is_history = !store.is_history_complete()?;
    store.set_durability(if is_history {
        store::Durability::Relaxed
    } else {
        store::Durability::Fsync
    })?;
    let node_key = meter_gateway::keys::load_or_create(&data_dir.join("node.key"))?;

    let (stop, shutdown) = watch::channel(false);
    let mut tasks = JoinSet::new();

    let (chain, embedded) = connect_chain(&arguments, &names, &data_dir, first).await?;
    let (contracts, document) = set_up_chain(&chain, &names, &store, first).await?;
    enrolment::enrol(&store, &names, &homes, &document, &data_dir, &node_key)?;
    let logins = enrolment::log_ins(&store, &homes)?;
    let trading = names.trading_homes(&homes);

    let status = watch::Sender::new(NodeStatus {
        grid_ms: first.millis(),
        speed: arguments.speed,
        ready: false,
        reason: Some("the street is starting".to_owned()),
        history_done: 0,
        history_total: 0,
        notices: Vec::new(),
        device_errors: Default::default(),
    });
    let rpc_url = match &arguments.chain {
        Some(url) => url.clone(),
        None => format!("http://127.0.0.1:{}", arguments.rpc_port),
    };
    let chain_status = watch::Sender::new(chain_status(&contracts, &rpc_url, embedded.is_some()));
    let live = LiveHub::new();
    let broker = match &arguments.broker {
        Some(address) => address.clone(),
        None => BrokerAddress {
            host: "127.0.0.1".to_owned(),
            port: broker::start()?,
        },
    };
    let committed = match store.grid_boundary_ms()? {
        Some(ms) => names.length.start_at(ms / 1_000)?,
        None => first,
    };
    let hands = Hands::at(committed);
    let ingest = Ingest::new(
        store.clone(),
        &names.zone,
        document.hash(),
        node_key.clone(),
    )?;
    let door = ZoneDoor {
        store: store.clone(),
        ingest: ingest.clone(),
        document: document.clone(),
        node_key: node_key.verifying_key(),
        broker: broker.clone(),
        millis: hands.millis(),
        seen: Box::new(tell(live.clone())),
    };
    let web_state = WebState {
        store: Arc::new(web::StoreSource::new(store.clone(), &names.rules())),
        live: live.clone(),
        status: status.subscribe(),
        chain: chain_status.subscribe(),
        bundles: Arc::new(StoredBundles::new(
            store.clone(),
            document.clone(),
            trading.clone(),
        )),
        door: Arc::new(door),
        demo: Some(DemoInfo {
            logins: logins.iter().map(demo_login).collect(),
        }),
        loopback_open: true,
        version: env!("CARGO_PKG_VERSION"),
        doorman: web::Doorman::new(),
    };
    tasks.spawn(serve_pages(web_state, pages, shutdown.clone()));
    if let (Some(chain), Some(listener)) = (embedded, rpc_listener) {
        let server = rpc_server::serve(chain, listener)?;
        let handle = server.handle();
        let mut stopped = shutdown.clone();
        tasks.spawn(async move {
            let served = tokio::select! {
                served = server => Some(served),
                () = async { stopped.wait_for(|stop| *stop).await.map(drop).unwrap_or_default() } => None,
            };
            match served {
                Some(served) => served.context("serving the chain's JSON-RPC"),
                None => {
                    handle.stop(false).await;
                    Ok(())
                }
            }
        });
    }
    console::banner(&Banner {
        pages: format!("http://127.0.0.1:{}", arguments.port),
        rpc: rpc_url,
        settlement: format!("0x{}", contracts.addresses().settlement),
        data_dir: &data_dir,
        temporary,
        homes: homes.homes().len(),
        speed: arguments.speed,
        logins: &logins,
    });

    fund(&contracts, &names, &homes, &store, first).await?;

    let broker_endpoint = Some((broker.host.clone(), broker.port));
    let devices =
        simulations::devices::serve(Arc::clone(&homes), hands.millis(), broker_endpoint).await?;

    let faults = errands::faults(&arguments.fault, &devices)?;
    let (receipts, inbox) = meter_gateway::intake::connect(
        (&broker.host, broker.port),
        &names.zone,
        &format!("commonwatt-ingest-{}", arguments.seed),
        shutdown.clone(),
    );
    tasks.spawn(ingest.run(inbox, receipts, hands.millis(), tell(live.clone())));

    let plan = GatewayPlan {
        data_dir: &data_dir,
        document: &document,
        node_key: &node_key,
        broker: &broker,
        durability: if is_history {
            meter_gateway::Durability::Relaxed
        } else {
            meter_gateway::Durability::Fsync
        },
    };
    let mut gateways = Vec::new();
    for home in homes.homes() {
        let config = enrolment::gateway_config(&names, home, &devices, &plan);
        let (gateway, gateway_status) = Gateway::open(config, hands.ticks())
            .with_context(|| format!("starting the gateway of {}", home.name))?;
        gateways.push(StreetGateway::new(
            format!("the gateway of {}", home.name),
            gateway_status,
        ));
        let stopped = shutdown.clone();
        tasks.spawn(async move {
            gateway.durable_from(live_from.millis()).run(stopped).await;
            Ok(())
        });
    }

    let now_ms = chrono::Utc::now().timestamp_millis();
    let lease = store
        .take_lease(&names.zone, "demo", now_ms, now_ms + LEASE_MS)?
        .context("expected the zone to be free, but another process holds its lease")?;
    let mut market = Market::new(store.clone(), lease, names.rules(), trading.clone(), first);
    market.recall()?;
    let (operator, utility) = names.house_accounts();
    let household = logins
        .iter()
        .find_map(|login| login.home)
        .context("one log-in is a household's")?;
    let household = homes
        .home(household)
        .context("the household lives on the street")?;
    let withdrawal = Withdrawal {
        home: household.id,
        at: names.length.start_at(FIRST_S + WITHDRAWAL_AFTER_S)?,
        contracts: contracts.clone(),
        sender: chain.sender(names.home_key(household)),
        journal: StoredJournal(store.clone()),
        gas_wei: GAS_WEI,
        is_asked: false,
    };
    let pump = ChainPump::new(PumpPlan {
        store: store.clone(),
        contracts,
        zone: names.zone.clone(),
        // So that there is something to see; on a public chain a batch spans a day.
        period: BatchPeriod::allow_interval_roots(names.length.seconds()),
        homes: trading,
        operator,
        utility,
    });
    let mut street = Street::new(StreetParts {
        store: store.clone(),
        market,
        pump,
        gateways,
        live,
        status,
        chain: chain_status,
        on_interval: Box::new(show_interval),
        errands: Box::new(StreetErrands { withdrawal, faults }),
        first,
        live_from,
    })?;
    let clock = ClockPlan {
        length: names.length,
        live_from,
        speed: arguments.speed,
        stop_at,
        tail_s: u32::try_from(WINDOW_S)? + 30,
    };
    let driven = tokio::select! {
        driven = drive(&clock, committed, &hands, &mut street, shutdown.clone()) => driven,
        () = asked_to_stop() => { println!("\n  Stopping; start again with --data-dir {} to go on.", data_dir.display()); Ok(()) }
        Some(ended) = tasks.join_next() => match ended {
            Ok(Ok(())) => Err(anyhow::anyhow!("a part of the street stopped by itself")),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(panic.into()),
        },
    };
    stop.send_replace(true);
    let _ = tokio::time::timeout(Duration::from_secs(2), async {
        while tasks.join_next().await.is_some() {}
    })
    .await;
    driven
}

fn listen(port: u16, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        anyhow::anyhow!(
            "{}",
            web::listen_error(port, &error).replace("--port", option)
        )
    })
}

fn data_folder(given: Option<PathBuf>) -> anyhow::Result<(PathBuf, bool)> {
    match given {
        Some(folder) => {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("making the data folder {}", folder.display()))?;
            Ok((folder, false))
        }
        // Kept after the end, so that what was printed can still be looked at.
        None => Ok((
            tempfile::Builder::new()
                .prefix("commonwatt-")
                .tempdir()?
                .keep(),
            true,
        )),
    }
}

fn demo_login(login: &Login) -> DemoLogin {
    let role = match (login.role, login.home) {
        (_, Some(home)) => web::facts::Role::Household(home),
        ("operator", None) => web::facts::Role::Operator,
        _ => web::facts::Role::Researcher,
    };
    DemoLogin {
        login: login.name.clone(),
        password: login.password.clone(),
        role,
    }
}

async fn serve_pages(
    state: WebState,
    listener: TcpListener,
    mut shutdown: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let stopped = async move {
        let _ = shutdown.wait_for(|stop| *stop).await;
    };
    web::serve(state, listener, stopped)
        .await
        .context("serving the pages")
}

/// What connection-point meters show goes to whoever watches.
fn tell(live: LiveHub) -> impl Fn(Seen) + Send + Sync + 'static {
    move |seen| {
        if seen.is_connection {
            live.reading(seen.home, seen.power_w, seen.soc_permille);
        }
    }
}

fn show_interval(outcome: &clearing_house::IntervalOutcome, progress: &Progress) {
    if progress.history_done < progress.history_total {
        console::history(progress.history_done + 1, progress.history_total);
        return;
    }
    let needed = outcome
        .homes
        .iter()
        .filter_map(|home| home.energy)
        .map(|energy| energy.import.get())
        .sum();
    console::interval(&IntervalLine {
        start: outcome.interval,
        trading_homes: outcome.rows.iter().filter(|row| row.fill.get() > 0).count(),
        traded_wh: u64::try_from(outcome.clearing.certificate.quantity).unwrap_or(u64::MAX),
        needed_wh: needed,
        price_micro: outcome
            .clearing
            .price
            .map(energy_core::MicroPricePerKwh::get),
        final_batch: progress.final_batch,
        pending_batch: progress.pending_batch,
    });
}

async fn asked_to_stop() {
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
