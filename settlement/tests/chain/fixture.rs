//! A street of four accounts, batches for it, and an HTTP server that can lose what it is told.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use energy_core::{Address, Hash, IntervalLength, MeterId, NanoAmount, WattHours, ZoneId, keccak};
use serde_json::Value;
use settlement::{
    EvidenceLeaf, HomeLeaf, MarketLeaf, SettlementBatch,
    chain::{
        Chain, ChainKey, Contracts, DeploySettings, EmbeddedChain, HttpRpc, HttpSettings,
        MemoryTxJournal, MeterRegistration, MeterRole, Rpc, SenderSettings,
    },
};

/// Chain time at which every street begins, UTC seconds.
pub(crate) const START: u64 = 1_900_000_800;
pub(crate) const WINDOW_S: u64 = 60;
pub(crate) const GAS_MONEY: u128 = 10_u128.pow(21);
/// 4 accounts: operator, utility, seller, buyer.
pub(crate) const SELLER: u32 = 2;
pub(crate) const BUYER: u32 = 3;

pub(crate) fn key(name: &str) -> ChainKey {
    ChainKey::derived(b"a seed", name)
}

pub(crate) fn accounts() -> Vec<Address> {
    ["operator", "utility", "seller", "buyer"]
        .map(|name| key(name).address())
        .to_vec()
}

pub(crate) async fn connect(rpc: Rpc) -> Chain {
    let chain = Chain::connect(rpc, key("operator"), SenderSettings::default())
        .await
        .expect("connects");
    chain.set_time(START).await.expect("time");
    chain.give_gas(&accounts(), GAS_MONEY).await.expect("gas");
    chain
}

pub(crate) async fn embedded() -> (EmbeddedChain, Chain) {
    let evm = EmbeddedChain::in_memory();
    let chain = connect(Rpc::Embedded(evm.clone())).await;
    (evm, chain)
}

pub(crate) async fn deployed(chain: &Chain, journal: &MemoryTxJournal) -> Contracts {
    let settings = DeploySettings {
        window_s: WINDOW_S,
        escape_after_s: 86_400,
        bond_wei: 10_u128.pow(18),
    };
    let addresses = chain.deploy(&settings, journal).await.expect("deploys");
    chain.contracts(addresses)
}

pub(crate) fn meter() -> MeterRegistration {
    MeterRegistration {
        meter: MeterId::derived("meter", b"seller"),
        owner: key("seller").address(),
        zone: ZoneId::new("elm-street").expect("a zone"),
        role: MeterRole::Connection,
        capacity_w: 10_000,
        gateway_key: [5; 32],
        valid_from: START,
    }
}

/// Batch `number`, settled to START + 900 × number: the seller has sold `number` × 100 Wh to the
/// buyer for 0.02 in all each, and the operator has taken a fee.
pub(crate) fn batch(number: u64, parent: Hash) -> SettlementBatch {
    let sold = number * 100;
    let cash = i64::try_from(number).expect("small") * 20_000_000;
    let accounts = accounts();
    let leaf = |index: u32, credited: u64, cash: i64| HomeLeaf {
        account: accounts[index as usize],
        credited: WattHours::new(credited),
        retired: WattHours::ZERO,
        cash: NanoAmount::new(cash),
    };
    let homes = vec![
        leaf(0, 0, 1_000),
        leaf(1, 0, 0),
        leaf(SELLER, 0, cash),
        leaf(BUYER, sold, -cash - 1_000),
    ];
    let settled_to = START + 900 * number;
    let evidence = vec![EvidenceLeaf {
        meter: meter().meter,
        settled_to,
        minted: WattHours::new(sold),
        carry: WattHours::ZERO,
        sequence: number,
        reading: keccak(&[&number.to_be_bytes()]),
    }];
    let interval = IntervalLength::new(900)
        .expect("a length")
        .containing(settled_to as i64 - 900);
    let market = MarketLeaf {
        zone: meter().zone,
        interval,
        certificate: keccak(&[b"certificate"]),
        order_rows: Hash::ZERO,
    };
    SettlementBatch::build(number, parent, settled_to, homes, evidence, vec![market])
        .expect("a batch")
}

/// What the server does to the next call of a method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loses {
    /// It never sees the request.
    Request,
    /// It does what was asked, and the answer is lost.
    Reply,
}

/// An embedded chain behind HTTP.
pub(crate) struct Server {
    pub(crate) url: String,
    fault: Arc<Mutex<Option<(String, Loses)>>>,
}

impl Server {
    pub(crate) fn start(chain: EmbeddedChain) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let fault = Arc::new(Mutex::new(None));
        let faults = fault.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (chain, faults) = (chain.clone(), faults.clone());
                std::thread::spawn(move || serve(&stream, &chain, &faults));
            }
        });
        Self { url, fault }
    }

    pub(crate) fn rpc(&self) -> Rpc {
        Rpc::Http(HttpRpc::new(&self.url, HttpSettings::default()).expect("an address"))
    }

    /// The next call of `method` is lost this way, once.
    pub(crate) fn lose(&self, method: &str, what: Loses) {
        *self.fault.lock().expect("no panic") = Some((method.to_owned(), what));
    }
}

fn serve(
    mut stream: &TcpStream,
    chain: &EmbeddedChain,
    faults: &Mutex<Option<(String, Loses)>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let method = serde_json::from_slice::<Value>(&body).ok()?["method"]
            .as_str()?
            .to_owned();
        let lost = {
            let mut fault = faults.lock().ok()?;
            let hit = fault.as_ref().is_some_and(|(name, _)| *name == method);
            if hit {
                fault.take().map(|(_, what)| what)
            } else {
                None
            }
        };
        if lost == Some(Loses::Request) {
            return None;
        }
        let answer = chain.json_rpc(&body);
        if lost == Some(Loses::Reply) {
            return None;
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        stream
            .write_all(&[head.as_bytes(), &answer].concat())
            .ok()?;
    }
}
