// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What one settlement batch commits to. All energy sums are lifetime sums, so a batch replaces the one before.
struct BatchHeader {
    uint64 number; // 1 for the first, then one more each time
    bytes32 parentRoot; // the root before, zero for the first
    uint64 settledTo; // s UTC: the end of the newest interval in it
    bytes32 homeRoot; // sum tree of the homes: Σ credited = creditedWh, Σ cash = 0
    uint64 creditedWh; // energy credited to all accounts
    bytes32 evidenceRoot; // sum tree of the meters: Σ minted = mintedWh, Σ carry = carryWh
    uint64 mintedWh; // energy minted for all meters, equal to creditedWh
    uint64 carryWh; // of that, what later corrections took back and new generation has yet to fill
    bytes32 marketRoot; // tree of (zone, interval) with certificate and order rows
}

/// @notice What a home's leaf says.
struct HomeLeaf {
    address account;
    uint64 creditedWh; // lifetime
    uint64 retiredWh; // lifetime
    int64 cashNano; // lifetime, 10^-9 currency, + = received
}

/// @notice What a connection-point meter's leaf says.
struct EvidenceLeaf {
    bytes16 meter;
    uint64 settledTo; // s UTC
    uint64 mintedWh; // lifetime
    uint64 carryWh;
    uint64 sequence; // of the last reading
    bytes32 readingHash; // of the last reading
}

/// @title The hash by which the chain knows a batch
library BatchHeaders {
    /// @notice keccak256("commonwatt/settlement-batch/1")
    bytes32 internal constant DOMAIN = keccak256("commonwatt/settlement-batch/1");

    /// @notice The same for a header in memory.
    function rootInMemory(BatchHeader memory header) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, block.chainid, address(this), header));
    }

    /// @notice The root of a batch: its header, bound to this chain and this contract.
    function root(BatchHeader calldata header) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, block.chainid, address(this), header));
    }
}
