// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader} from "../src/BatchHeader.sol";
import {Settlement} from "../src/Settlement.sol";
import {SettlementTest} from "./SettlementTest.sol";

contract BondTest is SettlementTest {
    address private constant OTHER = address(0xCAFE);

    receive() external payable {}

    function test_anAppointedProposerNeedsABond() public {
        vm.prank(ADMIN);
        settlement.appointProposer(OTHER);
        check(settlement.activeProposer() == address(0), "active without a bond");
        vm.deal(OTHER, 2 ether);
        vm.prank(OTHER);
        settlement.postBond{value: 0.4 ether}();
        check(settlement.activeProposer() == address(0), "active with too small a bond");
        vm.prank(OTHER);
        settlement.postBond{value: 0.6 ether}();
        check(settlement.activeProposer() == OTHER, "not active");

        BatchHeader memory h = nextHeader(someLeaves(2, 1, 0));
        vm.prank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotProposer.selector, PROPOSER, OTHER));
        settlement.propose(h);
    }

    function test_aBondWithoutAnAppointmentIsNoRight() public {
        vm.deal(OTHER, 2 ether);
        vm.prank(OTHER);
        settlement.postBond{value: 2 ether}();
        check(settlement.activeProposer() == PROPOSER, "the appointed one");
    }

    function test_theBondIsLockedWhileAWindowRuns() public {
        propose(nextHeader(someLeaves(2, 1, 0)));
        uint256 finalAt = vm.getBlockTimestamp() + WINDOW;
        vm.prank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WindowRunning.selector, finalAt));
        settlement.withdrawBond(1 ether);
        vm.warp(finalAt);
        vm.prank(PROPOSER);
        settlement.withdrawBond(1 ether);
        check(settlement.activeProposer() == address(0), "active without a bond");
        same(PROPOSER.balance, 100 ether, "bond is back");
    }

    function testFuzz_nobodyTakesMoreThanTheirBond(uint256 amountWei) public {
        vm.assume(amountWei > 1 ether);
        vm.prank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotEnoughBond.selector, 1 ether, amountWei));
        settlement.withdrawBond(amountWei);
    }

    function test_onlyTheOwnerAppoints() public {
        vm.prank(PROPOSER);
        vm.expectPartialRevert(bytes4(keccak256("OwnableUnauthorizedAccount(address)")));
        settlement.appointProposer(OTHER);
    }

    function test_settingsThatMakeNoSenseAreRefused() public {
        Settlement.Settings memory s = Settlement.Settings({
            stablecoin: coin, registry: address(registry), owner: ADMIN, window: 60, escapeAfter: 60, minimumBondWei: 0
        });
        vm.expectRevert(Settlement.BadSettings.selector);
        new Settlement(s);
    }
}
