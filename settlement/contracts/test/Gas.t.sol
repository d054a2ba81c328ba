// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, HomeLeaf} from "../src/BatchHeader.sol";
import {SettlementTest} from "./SettlementTest.sol";

/// @title What the frequent calls cost, whole transactions in steady state
contract GasTest is SettlementTest {
    /// Ten batches, so that every slot of the ring has been written once.
    function steady(uint256 count) private returns (HomeLeaf[] memory leaves, BatchHeader memory h) {
        for (uint64 i = 1; i <= 10; i++) {
            vm.warp(vm.getBlockTimestamp() + 900);
            leaves = someLeaves(count, 1000 + i, 1_234_567 + int64(i));
            h = proposeAndPass(leaves);
        }
    }

    function within(uint256 limit, string memory what) private view {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        check(used <= limit, string.concat(what, " costs ", vm.toString(used)));
    }

    /// Whatever the number of homes. 10,000 of it are the two words written, 6,300 the three words read, 3,548 the
    /// event, about 24,000 the transaction and its data.
    function test_propose() public {
        steady(26);
        vm.warp(vm.getBlockTimestamp() + 900);
        BatchHeader memory h = nextHeader(someLeaves(26, 5000, 2_345_678));
        vm.prank(PROPOSER);
        settlement.propose(h);
        within(46_800, "propose");
    }

    function test_syncOfOneLeaf() public {
        (HomeLeaf[] memory leaves, BatchHeader memory h) = steady(26);
        settlement.sync(h, 0, leaves, "");
        vm.warp(vm.getBlockTimestamp() + 900);
        leaves = someLeaves(26, 5000, 2_345_678);
        h = proposeAndPass(leaves);
        HomeLeaf[] memory leaf = one(leaves[9]);
        bytes memory path = pathOf(leaves, 9, 1);
        settlement.sync(h, 9, leaf, path);
        within(52_000, "sync of one leaf at depth 5");
    }

    function test_syncOfARange() public {
        vm.warp(vm.getBlockTimestamp() + 30 days);
        (HomeLeaf[] memory leaves, BatchHeader memory h) = steady(256);
        settlement.sync(h, 0, leaves, "");
        vm.warp(vm.getBlockTimestamp() + 900);
        leaves = someLeaves(256, 5000, 2_345_678);
        h = proposeAndPass(leaves);
        settlement.sync(h, 0, leaves, "");
        within(256 * 9_300, "sync of 256 homes");
    }
}
