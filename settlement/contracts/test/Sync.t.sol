// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, HomeLeaf} from "../src/BatchHeader.sol";
import {Settlement} from "../src/Settlement.sol";
import {SettlementTest} from "./SettlementTest.sol";

contract SyncTest is SettlementTest {
    function syncAll(BatchHeader memory h, HomeLeaf[] memory leaves) private {
        settlement.sync(h, 0, leaves, "");
    }

    function testFuzz_aLeafReachesItsAccount(uint8 place, uint32 energyWh, int32 pays) public {
        energyWh = energyWh % 90_000;
        HomeLeaf[] memory leaves = someLeaves(26, energyWh, pays);
        BatchHeader memory h = proposeAndPass(leaves);
        uint256 i = place % 26;
        settlement.sync(h, uint32(i), one(leaves[i]), pathOf(leaves, i, 1));
        (uint64 energy, uint64 retired,,, int64 cash) = settlement.account(home(i));
        same(energy, leaves[i].creditedWh - leaves[i].retiredWh, "energy");
        same(retired, leaves[i].retiredWh, "retired");
        check(cash == leaves[i].cashNano, "cash");
    }

    function test_claimThenRangeEqualsRangeThenClaim() public {
        HomeLeaf[] memory leaves = someLeaves(26, 1000, 7);
        BatchHeader memory h = proposeAndPass(leaves);
        settlement.sync(h, 9, one(leaves[9]), pathOf(leaves, 9, 1));
        settlement.sync(h, 8, slice(leaves, 8, 8), pathOf(leaves, 8, 8));
        settlement.sync(h, 9, one(leaves[9]), pathOf(leaves, 9, 1));
        for (uint256 i = 8; i < 16; i++) {
            (uint64 batch, uint64 credited,) = settlement.synced(home(i));
            check(batch == 1 && credited == 1000, "account");
        }
        (uint64 untouched,,) = settlement.synced(home(16));
        same(untouched, 0, "the neighbour");
    }

    function test_anOlderBatchChangesNothing() public {
        HomeLeaf[] memory before = someLeaves(26, 1000, 7);
        BatchHeader memory older = proposeAndPass(before);
        vm.warp(vm.getBlockTimestamp() + 900);
        HomeLeaf[] memory later = someLeaves(26, 1500, 9);
        syncAll(proposeAndPass(later), later);
        syncAll(older, before);
        (uint64 batch, uint64 credited,) = settlement.synced(home(3));
        check(batch == 2 && credited == 1500, "account");
    }

    function test_refusesWhatIsNotFinal() public {
        HomeLeaf[] memory leaves = someLeaves(26, 1000, 7);
        BatchHeader memory h = nextHeader(leaves);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotFinal.selector, 1));
        syncAll(h, leaves);
        propose(h);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotFinal.selector, 1));
        syncAll(h, leaves);
        vm.warp(vm.getBlockTimestamp() + WINDOW);
        h.carryWh += 1;
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotFinal.selector, 1));
        syncAll(h, leaves);
    }

    function testFuzz_refusesAnotherLeaf(uint8 place, uint64 credited, uint64 retired, int64 cash) public {
        HomeLeaf[] memory leaves = someLeaves(26, 1000, 7);
        BatchHeader memory h = proposeAndPass(leaves);
        uint256 i = place % 26;
        bytes memory path = pathOf(leaves, i, 1);
        HomeLeaf memory forged = HomeLeaf(home(i), credited, retired, cash);
        vm.assume(keccak256(abi.encode(forged)) != keccak256(abi.encode(leaves[i])));
        try settlement.sync(h, uint32(i), one(forged), path) {
            check(false, "a forged leaf passed");
        } catch {}
    }

    function test_refusesATreeWhoseCashIsNotZero() public {
        HomeLeaf[] memory leaves = someLeaves(26, 1000, 7);
        leaves[0].cashNano += 1;
        BatchHeader memory h = proposeAndPass(leaves);
        vm.expectRevert(Settlement.NotInTree.selector);
        syncAll(h, leaves);
    }

    function test_refusesATreeThatCreditsMoreThanStated() public {
        HomeLeaf[] memory leaves = someLeaves(26, 1000, 7);
        BatchHeader memory h = nextHeader(leaves);
        (h.creditedWh, h.mintedWh) = (25_999, 25_999);
        propose(h);
        vm.warp(vm.getBlockTimestamp() + WINDOW);
        vm.expectRevert(Settlement.NotInTree.selector);
        syncAll(h, leaves);
    }

    function test_refusesALeafThatFell() public {
        HomeLeaf[] memory leaves = someLeaves(4, 1000, 7);
        syncAll(proposeAndPass(leaves), leaves);
        vm.warp(vm.getBlockTimestamp() + 900);
        (leaves[1].creditedWh, leaves[2].creditedWh) = (999, 1001);
        BatchHeader memory h = proposeAndPass(leaves);
        vm.expectRevert(abi.encodeWithSelector(Settlement.LeafFell.selector, home(1), 2));
        syncAll(h, leaves);
        // The others are not held up.
        settlement.sync(h, 2, slice(leaves, 2, 2), pathOf(leaves, 2, 2));
    }

    function test_refusesASecondLeafOfTheSameAccount() public {
        HomeLeaf[] memory leaves = someLeaves(4, 1000, 7);
        leaves[3].account = home(2);
        leaves[3].cashNano -= 1;
        leaves[0].cashNano += 1;
        BatchHeader memory h = proposeAndPass(leaves);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ConflictingLeaf.selector, home(2), 1));
        syncAll(h, leaves);
    }
}
