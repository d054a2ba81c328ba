// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, EvidenceLeaf, HomeLeaf} from "./BatchHeader.sol";

/// @title Merkle-sum trees: every node commits to the hashes and the sums of its two children
/// @notice A leaf is keccak(0x00 ‖ data), a node keccak(0x01 ‖ hash ‖ a ‖ b ‖ hash ‖ a ‖ b), so that neither passes for
/// the other. `a` is unsigned, `b` signed (cash) or unsigned (carry); both have 64 bits and a sum that leaves them
/// reverts. The tree is padded on the right with (0, 0, 0) up to a power of two.
///
/// A pair of sums travels as one uint128, `a` in the upper half. A path is 48 bytes a level, lowest first:
/// hash (32), a (8), b (8).
library SumTree {
    uint256 private constant LEVEL_BYTES = 48;

    /// @notice The path is not a whole number of levels.
    error BadPath(uint256 length);
    /// @notice The range does not start at a multiple of its width, or lies outside the tree of this depth.
    error BadRange(uint256 firstIndex, uint256 leaves);

    /// @notice The hash of a home's leaf at its place in the tree.
    function homeLeaf(uint32 index, HomeLeaf calldata leaf) internal pure returns (bytes32 hash) {
        address account = leaf.account;
        uint64 credited = leaf.creditedWh;
        uint64 retired = leaf.retiredWh;
        int64 cash = leaf.cashNano;
        // 0x00 ‖ index (4) ‖ account (20) ‖ credited (8) ‖ retired (8) ‖ cash (8): 49 bytes beyond the free pointer.
        // Written from left to right: each word's zeros are overwritten by the next one.
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore(p, or(shl(216, and(index, 0xffffffff)), shl(56, and(account, sub(shl(160, 1), 1)))))
            let energy := or(shl(192, credited), shl(128, and(retired, 0xffffffffffffffff)))
            mstore(add(p, 25), or(energy, shl(64, and(cash, 0xffffffffffffffff))))
            hash := keccak256(p, 49)
        }
    }

    /// @notice The same, the plain way.
    function homeLeafReference(uint32 index, HomeLeaf calldata leaf) internal pure returns (bytes32) {
        return
            keccak256(abi.encodePacked(uint8(0), index, leaf.account, leaf.creditedWh, leaf.retiredWh, leaf.cashNano));
    }

    /// @notice The hash of a meter's leaf.
    function evidenceLeaf(EvidenceLeaf calldata leaf) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                uint8(0), leaf.meter, leaf.settledTo, leaf.mintedWh, leaf.carryWh, leaf.sequence, leaf.readingHash
            )
        );
    }

    /// @notice The hash of an inner node.
    function node(bytes32 hashL, uint128 sumsL, bytes32 hashR, uint128 sumsR) internal pure returns (bytes32 hash) {
        // 0x01 ‖ hash (32) ‖ sums (16) ‖ hash (32) ‖ sums (16): 97 bytes beyond the free pointer.
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, 1)
            mstore(add(p, 1), hashL)
            mstore(add(p, 33), shl(128, sumsL))
            mstore(add(p, 49), hashR)
            mstore(add(p, 81), shl(128, sumsR))
            hash := keccak256(p, 97)
        }
    }

    /// @notice The same, the plain way.
    function nodeReference(bytes32 hashL, uint128 sumsL, bytes32 hashR, uint128 sumsR) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(1), hashL, sumsL, hashR, sumsR));
    }

    /// @notice `a` and signed `b` as one word.
    function sums(uint64 a, int64 b) internal pure returns (uint128) {
        return (uint128(a) << 64) | uint64(b);
    }

    /// @notice The sums of two nodes; reverts where one leaves its 64 bits.
    function plusSigned(uint128 l, uint128 r) internal pure returns (uint128) {
        return sums(uint64(l >> 64) + uint64(r >> 64), int64(uint64(l)) + int64(uint64(r)));
    }

    /// @notice The same with an unsigned `b`.
    function plusUnsigned(uint128 l, uint128 r) internal pure returns (uint128) {
        return (uint128(uint64(l >> 64) + uint64(r >> 64)) << 64) | (uint64(l) + uint64(r));
    }

    /// @notice The root and the sums of a home tree in which `leaves` stand from `firstIndex` on, padded to a power of
    /// two, with the path `path` above them.
    function homeRange(uint32 firstIndex, HomeLeaf[] calldata leaves, bytes calldata path)
        internal
        pure
        returns (bytes32 hash, uint128 total)
    {
        uint256 width = 1;
        uint256 index = firstIndex;
        while (width < leaves.length) {
            width <<= 1;
        }
        if (leaves.length == 0 || firstIndex % width != 0) revert BadRange(firstIndex, leaves.length);

        bytes32[] memory hashes = new bytes32[](width);
        uint128[] memory totals = new uint128[](width);
        for (uint256 i = 0; i < leaves.length; i++) {
            hashes[i] = homeLeaf(uint32(index + i), leaves[i]);
            totals[i] = sums(leaves[i].creditedWh, leaves[i].cashNano);
        }
        while (width > 1) {
            width >>= 1;
            index >>= 1;
            for (uint256 i = 0; i < width; i++) {
                (bytes32 hashL, bytes32 hashR) = (hashes[2 * i], hashes[2 * i + 1]);
                (uint128 l, uint128 r) = (totals[2 * i], totals[2 * i + 1]);
                hashes[i] = node(hashL, l, hashR, r);
                totals[i] = plusSigned(l, r);
            }
        }
        return climb(hashes[0], totals[0], index, path, true);
    }

    /// @notice The root and the sums that follow from a node at `index` of its level along a path.
    function climb(bytes32 hash, uint128 total, uint256 index, bytes calldata path, bool signed)
        internal
        pure
        returns (bytes32, uint128)
    {
        if (path.length % LEVEL_BYTES != 0) revert BadPath(path.length);
        for (uint256 from = 0; from < path.length; from += LEVEL_BYTES) {
            bytes32 sibling = bytes32(path[from:from + 32]);
            uint128 siblingSums = uint128(bytes16(path[from + 32:from + LEVEL_BYTES]));
            hash = index & 1 == 0 ? node(hash, total, sibling, siblingSums) : node(sibling, siblingSums, hash, total);
            total = signed ? plusSigned(total, siblingSums) : plusUnsigned(total, siblingSums);
            index >>= 1;
        }
        // One place has one index: what is left of it must be nothing.
        if (index != 0) revert BadRange(index, path.length);
        return (hash, total);
    }
}
