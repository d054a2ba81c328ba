// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What an account's newest synced leaf says, in one word:
/// credited (64, Wh) ‖ retired (64, Wh) ‖ cash (64, signed nano) ‖ batch (64). The zero word is an account that was
/// never synced.
type LeafWord is uint256;

using {credited, retired, cash, batch} for LeafWord global;

function leafWord(uint64 credited_, uint64 retired_, int64 cash_, uint64 batch_) pure returns (LeafWord) {
    return LeafWord.wrap(
        (uint256(credited_) << 192) | (uint256(retired_) << 128) | (uint256(uint64(cash_)) << 64) | uint256(batch_)
    );
}

function credited(LeafWord word) pure returns (uint64) {
    return uint64(LeafWord.unwrap(word) >> 192);
}

function retired(LeafWord word) pure returns (uint64) {
    return uint64(LeafWord.unwrap(word) >> 128);
}

function cash(LeafWord word) pure returns (int64) {
    return int64(uint64(LeafWord.unwrap(word) >> 64));
}

function batch(LeafWord word) pure returns (uint64) {
    return uint64(LeafWord.unwrap(word));
}
