// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, HomeLeaf} from "../src/BatchHeader.sol";
import {Settlement} from "../src/Settlement.sol";
import {SettlementTest} from "./SettlementTest.sol";
import {Vm} from "./Vm.sol";

contract ProposeTest is SettlementTest {
    function refuse(BatchHeader memory h, bytes memory why) private {
        vm.prank(PROPOSER);
        vm.expectRevert(why);
        settlement.propose(h);
    }

    function test_aBatchIsPendingThenFinalWithoutAnybodySayingSo() public {
        BatchHeader memory h = nextHeader(someLeaves(26, 100, 5));
        h.carryWh = 7;
        propose(h);
        bytes32 root = settlement.rootOf(h);
        (uint64 number, bytes32 pendingRoot,,, uint64 carryWh, uint64 finalAt) = settlement.pending();
        check(number == 1 && pendingRoot == root && carryWh == 7, "pending");
        same(finalAt, vm.getBlockTimestamp() + WINDOW, "final at");
        (number,,,,) = settlement.finalBatch();
        same(number, 0, "nothing is final yet");
        check(!settlement.isClaimable(h), "claimable too early");

        vm.warp(finalAt - 1);
        check(!settlement.isClaimable(h), "claimable a second too early");
        vm.warp(finalAt);
        check(settlement.isClaimable(h), "not claimable");
        (number,,,,,) = settlement.pending();
        same(number, 0, "nothing is pending");
        uint64 mintedWh;
        (number, root,, mintedWh, carryWh) = settlement.finalBatch();
        check(number == 1 && root == settlement.rootOf(h) && mintedWh == 2600 && carryWh == 7, "final");
    }

    function test_theFinalBatchStandsWhileTheNextIsPending() public {
        BatchHeader memory first = proposeAndPass(someLeaves(26, 100, 5));
        vm.warp(vm.getBlockTimestamp() + 900);
        propose(nextHeader(someLeaves(26, 200, 5)));
        (uint64 number, bytes32 root, uint64 settledTo, uint64 mintedWh,) = settlement.finalBatch();
        check(number == 1 && root == settlement.rootOf(first), "final batch");
        check(settledTo == first.settledTo && mintedWh == 2600, "its sums");
    }

    function test_onlyOneBatchIsPending() public {
        BatchHeader memory h = nextHeader(someLeaves(2, 100, 5));
        propose(h);
        uint256 finalAt = vm.getBlockTimestamp() + WINDOW;
        vm.warp(finalAt - 1);
        h.number = 2;
        h.parentRoot = settlement.currentRoot();
        h.settledTo += 1;
        refuse(h, abi.encodeWithSelector(Settlement.WindowRunning.selector, finalAt));
        vm.warp(finalAt);
        propose(h);
    }

    function test_onlyTheProposer() public {
        BatchHeader memory h = nextHeader(someLeaves(2, 100, 5));
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotProposer.selector, address(this), PROPOSER));
        settlement.propose(h);
    }

    function testFuzz_theNumberIsTheNext(uint64 number) public {
        proposeAndPass(someLeaves(2, 100, 5));
        vm.warp(vm.getBlockTimestamp() + 900);
        BatchHeader memory h = nextHeader(someLeaves(2, 100, 5));
        vm.assume(number != 2);
        h.number = number;
        refuse(h, abi.encodeWithSelector(Settlement.NotNextNumber.selector, 2, number));
    }

    function testFuzz_theParentIsTheCurrentRoot(bytes32 parent) public {
        proposeAndPass(someLeaves(2, 100, 5));
        vm.warp(vm.getBlockTimestamp() + 900);
        BatchHeader memory h = nextHeader(someLeaves(2, 100, 5));
        vm.assume(parent != h.parentRoot);
        bytes32 expected = h.parentRoot;
        h.parentRoot = parent;
        refuse(h, abi.encodeWithSelector(Settlement.NotCurrentRoot.selector, expected, parent));
    }

    function test_theSettledTimeRisesAndIsNotAhead() public {
        BatchHeader memory first = proposeAndPass(someLeaves(2, 100, 5));
        vm.warp(vm.getBlockTimestamp() + 900);
        BatchHeader memory h = nextHeader(someLeaves(2, 100, 5));
        uint256 now_ = vm.getBlockTimestamp();
        h.settledTo = first.settledTo;
        refuse(h, abi.encodeWithSelector(Settlement.BadSettledTo.selector, first.settledTo, first.settledTo, now_));
        h.settledTo = uint64(now_ + 1);
        refuse(h, abi.encodeWithSelector(Settlement.BadSettledTo.selector, first.settledTo, now_ + 1, now_));
        h.settledTo = first.settledTo + 1;
        propose(h);
    }

    function testFuzz_energySums(uint64 creditedWh, uint64 mintedWh, uint64 carryWh) public {
        proposeAndPass(someLeaves(2, 100, 5));
        vm.warp(vm.getBlockTimestamp() + 900);
        BatchHeader memory h = nextHeader(someLeaves(2, 100, 5));
        (h.creditedWh, h.mintedWh, h.carryWh) = (creditedWh, mintedWh, carryWh);
        bool good =
            creditedWh == mintedWh && mintedWh >= 200 && carryWh <= mintedWh && mintedWh <= settlement.mintableWh();
        vm.prank(PROPOSER);
        try settlement.propose(h) {
            check(good, "accepted");
        } catch {
            check(!good, "refused");
        }
    }

    function test_energySumsEachForItsReason() public {
        proposeAndPass(someLeaves(2, 100, 5));
        vm.warp(vm.getBlockTimestamp() + 900);
        BatchHeader memory h = nextHeader(someLeaves(2, 100, 5));
        h.creditedWh = 199;
        refuse(h, abi.encodeWithSelector(Settlement.CreditedIsNotMinted.selector, 199, 200));
        h.mintedWh = 199;
        refuse(h, abi.encodeWithSelector(Settlement.MintedFell.selector, 200, 199));
        (h.creditedWh, h.mintedWh, h.carryWh) = (300, 300, 301);
        refuse(h, abi.encodeWithSelector(Settlement.CarryAboveMinted.selector, 301, 300));
        uint64 limit = settlement.mintableWh();
        (h.creditedWh, h.mintedWh) = (limit + 1, limit + 1);
        refuse(h, abi.encodeWithSelector(Settlement.AboveCapacity.selector, limit + 1, limit));
        (h.creditedWh, h.mintedWh) = (limit, limit);
        propose(h);
    }

    function test_theNewestNineRootsStayClaimable() public {
        BatchHeader[] memory all = new BatchHeader[](12);
        for (uint64 i = 0; i < 12; i++) {
            vm.warp(vm.getBlockTimestamp() + 900);
            all[i] = proposeAndPass(someLeaves(2, 100 + i, 5));
        }
        for (uint256 i = 0; i < 12; i++) {
            check(settlement.isClaimable(all[i]) == (i >= 3), "claimable");
        }
        vm.warp(vm.getBlockTimestamp() + 900);
        propose(nextHeader(someLeaves(2, 200, 5)));
        for (uint256 i = 0; i < 12; i++) {
            check(settlement.isClaimable(all[i]) == (i >= 4), "claimable while one is pending");
        }
    }

    function test_noNewSlotPerBatch() public {
        for (uint64 i = 0; i < 9; i++) {
            vm.warp(vm.getBlockTimestamp() + 900);
            proposeAndPass(someLeaves(2, 100 + i, 5));
        }
        for (uint64 i = 0; i < 9; i++) {
            vm.warp(vm.getBlockTimestamp() + 900);
            BatchHeader memory h = nextHeader(someLeaves(2, 200 + i, 5));
            vm.startStateDiffRecording();
            vm.prank(PROPOSER);
            settlement.propose(h);
            Vm.AccountAccess[] memory steps = vm.stopAndReturnStateDiff();
            same(slotsWritten(steps), 2, "slots written");
            vm.warp(vm.getBlockTimestamp() + WINDOW);
        }
    }

    function slotsWritten(Vm.AccountAccess[] memory steps) private view returns (uint256 count) {
        for (uint256 i = 0; i < steps.length; i++) {
            for (uint256 j = 0; j < steps[i].storageAccesses.length; j++) {
                Vm.StorageAccess memory access = steps[i].storageAccesses[j];
                if (!access.isWrite || access.account != address(settlement)) continue;
                check(access.previousValue != 0, "a new slot");
                count += 1;
            }
        }
    }
}
