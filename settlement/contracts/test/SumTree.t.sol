// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HomeLeaf} from "../src/BatchHeader.sol";
import {SumTree} from "../src/SumTree.sol";
import {SettlementTest} from "./SettlementTest.sol";

/// @title The library as other contracts see it
contract SumTreeCaller {
    function homeLeaf(uint32 index, HomeLeaf calldata leaf) external pure returns (bytes32 fast, bytes32 plain) {
        return (SumTree.homeLeaf(index, leaf), SumTree.homeLeafReference(index, leaf));
    }

    function node(bytes32 hashL, uint128 l, bytes32 hashR, uint128 r)
        external
        pure
        returns (bytes32 fast, bytes32 plain)
    {
        return (SumTree.node(hashL, l, hashR, r), SumTree.nodeReference(hashL, l, hashR, r));
    }

    function homeRange(uint32 first, HomeLeaf[] calldata leaves, bytes calldata path)
        external
        pure
        returns (bytes32 hash, uint128 total)
    {
        return SumTree.homeRange(first, leaves, path);
    }

    function plusSigned(uint128 l, uint128 r) external pure returns (uint128) {
        return SumTree.plusSigned(l, r);
    }

    function plusUnsigned(uint128 l, uint128 r) external pure returns (uint128) {
        return SumTree.plusUnsigned(l, r);
    }
}

/// @title The assembly equals the plain way, and every range leads to the root
contract SumTreeTest is SettlementTest {
    SumTreeCaller private lib = new SumTreeCaller();

    function setUp() public override {}

    function testFuzz_leafEqualsReference(uint32 index, HomeLeaf calldata leaf) public view {
        (bytes32 fast, bytes32 plain) = lib.homeLeaf(index, leaf);
        check(fast == plain, "leaf hash");
        check(fast == leafNode(index, leaf).hash, "leaf hash of the test");
    }

    function testFuzz_nodeEqualsReference(bytes32 hashL, uint128 l, bytes32 hashR, uint128 r) public view {
        (bytes32 fast, bytes32 plain) = lib.node(hashL, l, hashR, r);
        check(fast == plain, "node hash");
    }

    function testFuzz_everyRangeLeadsToTheRoot(uint8 count, uint8 place, uint8 height, uint32 energyWh, int32 cash)
        public
        view
    {
        uint256 n = uint256(count) % 40 + 1;
        HomeLeaf[] memory leaves = someLeaves(n, energyWh, cash);
        uint256 width = 1 << (height % 4);
        uint256 first = (place % n) / width * width;
        uint256 part = first + width > n ? n - first : width;
        // The range is padded to the next power of two of what is in it.
        while (width / 2 >= part) {
            width /= 2;
        }
        (bytes32 root, uint64 a, int64 b) = tree(leaves);
        (bytes32 hash, uint128 total) =
            lib.homeRange(uint32(first), slice(leaves, first, part), pathOf(leaves, first, width));
        check(hash == root, "root");
        check(total == SumTree.sums(a, b), "sums");
    }

    function testFuzz_aChangedPathLeadsElsewhere(uint8 place, uint16 bit) public view {
        HomeLeaf[] memory leaves = someLeaves(26, 1000, 77);
        uint256 i = place % 26;
        bytes memory path = pathOf(leaves, i, 1);
        path[bit / 8 % path.length] ^= bytes1(uint8(1 << (bit % 8)));
        (bytes32 root, uint64 a, int64 b) = tree(leaves);
        try lib.homeRange(uint32(i), one(leaves[i]), path) returns (bytes32 hash, uint128 total) {
            check(hash != root || total != SumTree.sums(a, b), "a changed path passed");
        } catch {}
    }

    function testFuzz_sumsThatDoNotFitRevert(uint64 a, int64 b, uint64 c, int64 d) public view {
        bool fits =
            uint256(a) + c <= type(uint64).max && int256(b) + d <= type(int64).max && int256(b) + d >= type(int64).min;
        try lib.plusSigned(SumTree.sums(a, b), SumTree.sums(c, d)) returns (uint128 total) {
            check(fits && total == SumTree.sums(a + c, b + d), "signed");
        } catch {
            check(!fits, "signed refused");
        }
        (uint64 e, uint64 f) = (uint64(b), uint64(d));
        fits = uint256(a) + c <= type(uint64).max && uint256(e) + f <= type(uint64).max;
        try lib.plusUnsigned((uint128(a) << 64) | e, (uint128(c) << 64) | f) returns (uint128 total) {
            check(fits && total == (uint128(a + c) << 64 | (e + f)), "unsigned");
        } catch {
            check(!fits, "unsigned refused");
        }
    }

    function test_refusesRangesOffTheirRaster() public {
        HomeLeaf[] memory leaves = someLeaves(4, 1, 0);
        bytes memory path = pathOf(leaves, 0, 2);
        vm.expectRevert(abi.encodeWithSelector(SumTree.BadRange.selector, 1, 2));
        lib.homeRange(1, slice(leaves, 1, 2), path);
        vm.expectRevert(abi.encodeWithSelector(SumTree.BadRange.selector, 0, 0));
        lib.homeRange(0, new HomeLeaf[](0), path);
        vm.expectRevert(abi.encodeWithSelector(SumTree.BadPath.selector, 47));
        lib.homeRange(0, slice(leaves, 0, 2), new bytes(47));
        // Place 5 of a tree of four is not place 1.
        bytes memory longPath = pathOf(leaves, 1, 1);
        vm.expectPartialRevert(SumTree.BadRange.selector);
        lib.homeRange(5, one(leaves[1]), longPath);
    }
}
