// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Settlement} from "../src/Settlement.sol";
import {TestStablecoin} from "../src/TestStablecoin.sol";
import {SettlementTest} from "./SettlementTest.sol";

contract DepositTest is SettlementTest {
    function testFuzz_depositsAreKept(uint64 units, uint64 more) public {
        vm.assume(units > 0 && more > 0);
        fund(home(1), units);
        coin.mint(address(this), more);
        coin.approve(address(settlement), more);
        uint256 kept = uint256(units) + more;
        if (kept > type(uint64).max) {
            // A sum that does not fit is refused, and what was there stays.
            vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
            settlement.depositFor(home(1), more);
            kept = units;
        } else {
            settlement.depositFor(home(1), more);
        }
        (,, uint64 deposited,,) = settlement.account(home(1));
        same(deposited, kept, "deposited");
        same(coin.balanceOf(address(settlement)), kept, "escrow");
    }

    function testFuzz_depositsBySignedPermit(uint64 units, bool handedInBefore) public {
        vm.assume(units > 0);
        uint256 key = 1001;
        coin.mint(home(1), units);
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        uint256 deadline = vm.getBlockTimestamp() + 60;
        bytes32 permit =
            keccak256(abi.encode(typeHash, home(1), address(settlement), uint256(units), uint256(0), deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", coin.DOMAIN_SEPARATOR(), permit));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        if (handedInBefore) coin.permit(home(1), address(settlement), units, deadline, v, r, s);
        vm.prank(home(1));
        settlement.depositWithPermit(units, deadline, v, r, s);
        (,, uint64 deposited,,) = settlement.account(home(1));
        same(deposited, units, "deposited");
    }

    function test_refusesNothingAndNobody() public {
        vm.expectRevert(Settlement.ZeroAmount.selector);
        settlement.deposit(0);
        vm.expectRevert(Settlement.ZeroAccount.selector);
        settlement.depositFor(address(0), 1);
    }

    function test_theFaucetIsTheDeployers() public {
        vm.prank(home(1));
        vm.expectRevert(abi.encodeWithSelector(TestStablecoin.NotFaucet.selector, home(1)));
        coin.mint(home(1), 1);
        check(coin.decimals() == 6, "10^-6");
    }
}
