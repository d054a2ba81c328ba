"""Reads the contracts through JSON-RPC with two clients that share no code with the project: web3.py and cast."""

import dataclasses
import subprocess

from web3 import HTTPProvider, Web3

# Written by hand from the documentation, not taken from the build: an independent client has only the documentation.
SETTLEMENT_ABI = [
    {
        "type": "function", "name": "account", "stateMutability": "view",
        "inputs": [{"name": "owner", "type": "address"}],
        "outputs": [
            {"name": "energyWh", "type": "uint64"},
            {"name": "retiredWh", "type": "uint64"},
            {"name": "depositedUnits", "type": "uint64"},
            {"name": "withdrawnUnits", "type": "uint64"},
            {"name": "cashNano", "type": "int64"},
        ],
    },
]
TOKEN_ABI = [
    {
        "type": "function", "name": "balanceOf", "stateMutability": "view",
        "inputs": [{"name": "owner", "type": "address"}], "outputs": [{"name": "", "type": "uint256"}],
    },
]


@dataclasses.dataclass(frozen=True)
class Account:
    """What the chain says about one home."""

    held_wh: int
    retired_wh: int
    deposited_units: int
    withdrawn_units: int
    cash_nano: int
    wallet_wh: int

    @property
    def energy_wh(self):
        """Energy in the account and in the wallet."""
        return self.held_wh + self.wallet_wh

    @property
    def credited_wh(self):
        """Everything the home was ever credited: what it has and what was retired for it."""
        return self.energy_wh + self.retired_wh

    @property
    def money_nano(self):
        """Money in nano-currency."""
        return (self.deposited_units - self.withdrawn_units) * 1000 + self.cash_nano


class ChainReader:
    """Looks at the contracts whose addresses `chain` names."""

    def __init__(self, url, chain):
        self.url = url
        self.web3 = Web3(HTTPProvider(url))
        self.settlement_address = Web3.to_checksum_address(chain["settlement"])
        self.settlement = self.web3.eth.contract(address=self.settlement_address, abi=SETTLEMENT_ABI)
        self.token = self.web3.eth.contract(address=Web3.to_checksum_address(chain["energy_token"]), abi=TOKEN_ABI)
        if self.web3.eth.chain_id != chain["chain_id"]:
            raise AssertionError(f"the API names chain {chain['chain_id']}, JSON-RPC says {self.web3.eth.chain_id}")

    def account(self, address):
        """One home's account."""
        owner = Web3.to_checksum_address(address)
        held = self.settlement.functions.account(owner).call()
        return Account(*held, wallet_wh=self.token.functions.balanceOf(owner).call())

    def check_with_cast(self, address):
        """The same call through Foundry's client gives the same numbers."""
        call = "account(address)(uint64,uint64,uint64,uint64,int64)"
        line = ["cast", "call", "--rpc-url", self.url, self.settlement_address, call, address]
        wanted = list(self.settlement.functions.account(Web3.to_checksum_address(address)).call())
        answer = subprocess.run(line, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        if answer.returncode != 0:
            raise AssertionError(f"{' '.join(line)}: {answer.stderr.strip()}")
        # cast adds a rounded form in brackets to large numbers: `25000000 [2.5e7]`.
        read = [int(row.split()[0]) for row in answer.stdout.splitlines()]
        if read != wanted:
            # A batch may have been synced between the two calls; then the second reading of web3 agrees with cast.
            wanted = list(self.settlement.functions.account(Web3.to_checksum_address(address)).call())
        if read != wanted:
            raise AssertionError(f"{address}: cast reads {read}, web3 reads {wanted}")
