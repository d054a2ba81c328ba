//! The embedded chain and anvil agree on gas, addresses, roots, balances and events. Runs only
//! where `COMMONWATT_ANVIL_URL` names a fresh anvil (`--hardfork osaka --timestamp 1900000000`,
//! chain id 31337).

use settlement::chain::{ChainKind, HttpRpc, HttpSettings, Rpc};

use crate::{
    fixture::{connect, embedded},
    life::live,
};

#[tokio::test]
async fn the_life_of_a_batch_is_the_same_on_anvil() {
    let Ok(url) = std::env::var("COMMONWATT_ANVIL_URL") else {
        eprintln!("COMMONWATT_ANVIL_URL is not set: not compared with anvil");
        return;
    };
    let http = HttpRpc::new(&url, HttpSettings::default()).expect("an address");
    let anvil = connect(Rpc::Http(http)).await;
    assert_eq!(anvil.kind(), ChainKind::Anvil);
    let (_, chain) = embedded().await;
    assert_eq!(live(&anvil).await, live(&chain).await);
}
