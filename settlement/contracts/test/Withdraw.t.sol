// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, HomeLeaf} from "../src/BatchHeader.sol";
import {Settlement} from "../src/Settlement.sol";
import {SettlementTest} from "./SettlementTest.sol";

contract WithdrawTest is SettlementTest {
    /// Proposes the next batch a quarter of an hour later; homes 1 to 3 pay `paysNano` each to home 0.
    function next(int64 paysNano) private returns (BatchHeader memory h, HomeLeaf[] memory leaves) {
        vm.warp(vm.getBlockTimestamp() + 900);
        leaves = someLeaves(4, 100, paysNano);
        h = proposeAndPass(leaves);
    }

    function request(uint256 n, uint64 units) private {
        vm.prank(home(n));
        settlement.requestWithdrawal(units);
    }

    function complete(BatchHeader memory h, HomeLeaf[] memory leaves, uint256 n) private {
        settlement.completeWithdrawal(h, uint32(n), one(leaves[n]), pathOf(leaves, n, 1));
    }

    function testFuzz_paysTheSmallerOfRequestAndProperty(uint32 depositUnits, int40 paysNano, uint64 wanted) public {
        vm.assume(depositUnits > 0 && wanted > 0);
        fund(home(1), depositUnits);
        fund(home(2), type(uint64).max / 4); // the street can pay
        request(1, wanted);
        (BatchHeader memory h, HomeLeaf[] memory leaves) = next(paysNano);

        int256 owned = (int256(uint256(depositUnits)) * 1000 - paysNano) / 1000;
        int256 due = owned < int256(uint256(wanted)) ? owned : int256(uint256(wanted));
        if (owned <= 0) {
            HomeLeaf[] memory leaf = one(leaves[1]);
            bytes memory path = pathOf(leaves, 1, 1);
            vm.expectRevert(abi.encodeWithSelector(Settlement.NothingAvailable.selector, home(1)));
            settlement.completeWithdrawal(h, 1, leaf, path);
            due = 0;
        } else {
            complete(h, leaves, 1);
        }
        same(coin.balanceOf(home(1)), uint256(due), "paid");
        (,,, uint64 withdrawn, int64 cash) = settlement.account(home(1));
        same(withdrawn, uint256(due), "withdrawn");
        if (due > 0) {
            check((int256(uint256(depositUnits)) - int256(uint256(withdrawn))) * 1000 + cash >= 0, "nothing is owed");
        }
    }

    function test_aSellerTakesOutWhatBuyersPaid() public {
        for (uint256 i = 1; i < 4; i++) {
            fund(home(i), 10_000_000);
        }
        request(0, type(uint64).max);
        (BatchHeader memory h, HomeLeaf[] memory leaves) = next(1_000_999);
        complete(h, leaves, 0);
        // 3 × 1,000,999 nano = 3,002.997 units; the rest stays in the account.
        same(coin.balanceOf(home(0)), 3002, "paid");
    }

    function test_aBuyerNeverGetsTheDepositWithoutTheDebt() public {
        fund(home(1), 5000);
        request(1, type(uint64).max);
        (BatchHeader memory h, HomeLeaf[] memory leaves) = next(2_000_500);
        complete(h, leaves, 1);
        same(coin.balanceOf(home(1)), 2999, "paid");
    }

    function test_aRequestIsServedOnce() public {
        fund(home(1), 5000);
        request(1, 1000);
        (BatchHeader memory h, HomeLeaf[] memory leaves) = next(0);
        complete(h, leaves, 1);
        HomeLeaf[] memory leaf = one(leaves[1]);
        bytes memory path = pathOf(leaves, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingRequested.selector, home(1)));
        settlement.completeWithdrawal(h, 1, leaf, path);
        same(coin.balanceOf(home(1)), 1000, "paid");
    }

    function test_onlyABatchProposedAfterTheRequestServesIt() public {
        fund(home(1), 5000);
        (BatchHeader memory h, HomeLeaf[] memory leaves) = next(0);
        request(1, 1000);
        HomeLeaf[] memory leaf = one(leaves[1]);
        bytes memory path = pathOf(leaves, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(Settlement.RequestTooNew.selector, 1, 1));
        settlement.completeWithdrawal(h, 1, leaf, path);
        (h, leaves) = next(0);
        complete(h, leaves, 1);
        same(coin.balanceOf(home(1)), 1000, "paid");
    }

    function test_aBatchThatWasPendingAtTheRequestDoesNotServeIt() public {
        fund(home(1), 5000);
        vm.warp(vm.getBlockTimestamp() + 900);
        HomeLeaf[] memory leaves = someLeaves(4, 100, 0);
        BatchHeader memory h = nextHeader(leaves);
        propose(h);
        request(1, 1000);
        vm.warp(vm.getBlockTimestamp() + WINDOW);
        HomeLeaf[] memory leaf = one(leaves[1]);
        bytes memory path = pathOf(leaves, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(Settlement.RequestTooNew.selector, 1, 1));
        settlement.completeWithdrawal(h, 1, leaf, path);
    }

    function test_anOlderRootDoesNotServe() public {
        fund(home(1), 5000);
        request(1, 5000);
        (BatchHeader memory rich, HomeLeaf[] memory leaves) = next(0);
        next(4_000_000);
        HomeLeaf[] memory leaf = one(leaves[1]);
        bytes memory path = pathOf(leaves, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotNewest.selector, 2, 1));
        settlement.completeWithdrawal(rich, 1, leaf, path);
    }

    function test_everyoneLeavesWithTheLastFinalBatchWhenTheOperatorIsSilent() public {
        for (uint256 i = 1; i < 4; i++) {
            fund(home(i), 5000);
        }
        (BatchHeader memory h, HomeLeaf[] memory leaves) = next(1_000_000);
        vm.warp(vm.getBlockTimestamp() - WINDOW + ESCAPE_AFTER);
        check(!settlement.escapeOpen(), "open too early");
        vm.warp(vm.getBlockTimestamp() + 1);
        check(settlement.escapeOpen(), "not open");
        for (uint256 i = 0; i < 4; i++) {
            request(i, type(uint64).max);
            complete(h, leaves, i);
            same(coin.balanceOf(home(i)), i == 0 ? 3000 : 4000, "paid");
        }
        same(coin.balanceOf(address(settlement)), 0, "escrow");

        // Whoever left cannot be charged afterwards.
        check(settlement.closed(), "not closed");
        BatchHeader memory late = nextHeader(leaves);
        vm.prank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotProposer.selector, PROPOSER, address(0)));
        settlement.propose(late);
        vm.prank(ADMIN);
        vm.expectRevert(Settlement.IsClosed.selector);
        settlement.appointProposer(PROPOSER);
    }

    function test_aDepositThatTheOperatorKeepsOutOfTheTreeComesBack() public {
        fund(home(9), 5000);
        request(9, type(uint64).max);
        uint256 availableAt = vm.getBlockTimestamp() + ESCAPE_AFTER;
        vm.warp(availableAt);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotUnlisted.selector, home(9), availableAt));
        settlement.withdrawUnlisted(home(9));
        vm.warp(availableAt + 1);
        settlement.withdrawUnlisted(home(9));
        same(coin.balanceOf(home(9)), 5000, "paid");
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingRequested.selector, home(8)));
        settlement.withdrawUnlisted(home(8));
    }

    function test_aDebtorDoesNotPassForUnlisted() public {
        fund(home(1), 5000);
        request(1, type(uint64).max);
        (BatchHeader memory h, HomeLeaf[] memory leaves) = next(4_000_000);
        settlement.sync(h, 1, one(leaves[1]), pathOf(leaves, 1, 1));
        vm.warp(vm.getBlockTimestamp() + ESCAPE_AFTER + 1);
        vm.expectPartialRevert(Settlement.NotUnlisted.selector);
        settlement.withdrawUnlisted(home(1));
    }
}
