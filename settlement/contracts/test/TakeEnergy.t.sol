// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HomeLeaf} from "../src/BatchHeader.sol";
import {EnergyToken} from "../src/EnergyToken.sol";
import {Settlement} from "../src/Settlement.sol";
import {SettlementTest} from "./SettlementTest.sol";

contract TakeEnergyTest is SettlementTest {
    function setUp() public override {
        super.setUp();
        HomeLeaf[] memory leaves = someLeaves(4, 1000, 7); // 250 of each are retired
        settlement.sync(proposeAndPass(leaves), 0, leaves, "");
    }

    function testFuzz_takesWhatIsHeld(uint64 amountWh) public {
        vm.prank(home(1));
        if (amountWh == 0) {
            vm.expectRevert(Settlement.ZeroAmount.selector);
        } else if (amountWh > 750) {
            vm.expectRevert(abi.encodeWithSelector(Settlement.NotEnoughEnergy.selector, 750, amountWh));
        }
        settlement.takeEnergy(amountWh);
        uint64 taken = amountWh > 750 ? 0 : amountWh;
        (uint64 energy,,,,) = settlement.account(home(1));
        same(energy, 750 - taken, "held");
        same(token.balanceOf(home(1)), taken, "tokens");
        same(token.totalSupply(), taken, "supply");
    }

    function test_energyRetiredOffChainAfterItWasTakenOutIsNotOwed() public {
        vm.prank(home(1));
        settlement.takeEnergy(750);
        vm.warp(vm.getBlockTimestamp() + 900);
        HomeLeaf[] memory leaves = someLeaves(4, 1000, 7);
        leaves[1].retiredWh = 900;
        settlement.sync(proposeAndPass(leaves), 0, leaves, "");
        (uint64 energy,,,,) = settlement.account(home(1));
        same(energy, 0, "held");
    }

    function test_retiringBurns() public {
        vm.prank(home(1));
        settlement.takeEnergy(700);
        vm.prank(home(1));
        token.retire(300, home(2));
        check(token.balanceOf(home(1)) == 400 && token.totalSupply() == 400, "after retiring");
        check(token.decimals() == 3, "1 unit = 1 Wh");
    }

    function testFuzz_onlySettlementMints(address caller) public {
        vm.assume(caller != address(settlement));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(EnergyToken.NotSettlement.selector, caller));
        token.mint(caller, 1);
    }
}
