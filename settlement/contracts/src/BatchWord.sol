// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What is kept of a batch beside its root, in one word:
/// number (48) ‖ proposed at (40, s UTC) ‖ settled to (40, s UTC) ‖ minted (64, Wh) ‖ carry (64, Wh).
/// The zero word is the state before the first batch.
type BatchWord is uint256;

using {number, proposedAt, settledTo, mintedWh, carryWh} for BatchWord global;

/// @notice Packs a batch. The caller has bounded `number_` and the times; see `Settlement.propose`.
function batchWord(uint256 number_, uint256 proposedAt_, uint256 settledTo_, uint64 minted, uint64 carry)
    pure
    returns (BatchWord)
{
    return BatchWord.wrap(
        (number_ << 208) | (proposedAt_ << 168) | (settledTo_ << 128) | (uint256(minted) << 64) | uint256(carry)
    );
}

function number(BatchWord word) pure returns (uint64) {
    return uint64(BatchWord.unwrap(word) >> 208);
}

function proposedAt(BatchWord word) pure returns (uint64) {
    return uint40(BatchWord.unwrap(word) >> 168);
}

function settledTo(BatchWord word) pure returns (uint64) {
    return uint40(BatchWord.unwrap(word) >> 128);
}

function mintedWh(BatchWord word) pure returns (uint64) {
    return uint64(BatchWord.unwrap(word) >> 64);
}

function carryWh(BatchWord word) pure returns (uint64) {
    return uint64(BatchWord.unwrap(word));
}
