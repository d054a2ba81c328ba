// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMeterCapacity} from "../src/IMeterCapacity.sol";
import {MeterRegistry} from "../src/MeterRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {SettlementTest} from "./SettlementTest.sol";

contract MeterRegistryTest is SettlementTest {
    bytes16 private constant METER = bytes16(uint128(1));

    function key(bytes32 x, uint64 validFrom) private pure returns (MeterRegistry.GatewayKey memory) {
        return MeterRegistry.GatewayKey({x: x, y: 0, keyType: MeterRegistry.KeyType.Ed25519, validFrom: validFrom});
    }

    function test_manyMetersReportTheirCapacityOnce() public {
        MeterRegistry.Registration[] memory all = new MeterRegistry.Registration[](3);
        for (uint8 i = 0; i < 3; i++) {
            all[i] = registration(i + 2, 10_000);
        }
        all[1].role = MeterRegistry.Role.Generation; // informs, does not settle
        registry.registerMany(all);
        same(registry.totalCapacityW(), 120_000, "total");
        same(registry.meterCount(), 4, "meters");
        MeterRegistry.Meter memory m = registry.meterOf(all[2].meter);
        check(m.owner == home(4) && m.capacityW == 10_000 && m.status == MeterRegistry.Status.Active, "meter");
        check(m.zoneHash == keccak256("elm-street"), "zone");
    }

    function testFuzz_headroomIsCapacityTimesTimeSinceRegistration(uint16 hoursA, uint16 hoursB, uint16 kW) public {
        // setUp registered 100 kW a day ago.
        uint256 expected = 100_000 * 24;
        same(settlement.mintableWh(), expected, "after a day");
        vm.warp(vm.getBlockTimestamp() + uint256(hoursA) * 1 hours);
        registry.register(registration(2, uint32(kW) * 1000));
        expected += uint256(hoursA) * 100_000;
        same(settlement.mintableWh(), expected, "registering adds nothing at once");
        vm.warp(vm.getBlockTimestamp() + uint256(hoursB) * 1 hours);
        expected += uint256(hoursB) * (100_000 + uint256(kW) * 1000);
        same(settlement.mintableWh(), expected, "from then on it counts");
        registry.setStatus(METER, MeterRegistry.Status.Retired);
        same(settlement.mintableWh(), expected, "what was earned stays");
        vm.warp(vm.getBlockTimestamp() + uint256(hoursA) * 1 hours);
        same(settlement.mintableWh(), expected + uint256(hoursA) * kW * 1000, "a retired meter adds nothing");
    }

    function test_aFrozenMeterAddsNothingUntilItIsThawed() public {
        registry.setStatus(METER, MeterRegistry.Status.Frozen);
        same(registry.totalCapacityW(), 0, "frozen");
        registry.setCapacityW(METER, 50_000);
        same(registry.totalCapacityW(), 0, "still frozen");
        registry.setStatus(METER, MeterRegistry.Status.Active);
        same(registry.totalCapacityW(), 50_000, "thawed");
        registry.setStatus(METER, MeterRegistry.Status.Retired);
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.MeterRetired.selector, METER));
        registry.setStatus(METER, MeterRegistry.Status.Active);
    }

    function test_aKeyRotatesAtAFutureIntervalAndTheOldOneStays() public {
        uint64 now_ = uint64(vm.getBlockTimestamp());
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.KeyNotInFuture.selector, METER, now_, now_));
        registry.rotateKey(METER, key("new", now_));
        registry.rotateKey(METER, key("new", now_ + 900));
        check(registry.keyAt(METER, now_ + 899).x == keccak256(abi.encode(uint8(1))), "old key before");
        check(registry.keyAt(METER, now_ + 900).x == "new", "new key from then on");
        same(registry.keysOf(METER).length, 2, "keys");
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.NoKeyAt.selector, METER, 1));
        registry.keyAt(METER, 1);
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.KeyNotInFuture.selector, METER, now_ + 900, now_ + 900));
        registry.rotateKey(METER, key("newer", now_ + 900));
    }

    function test_refusesBadRegistrations() public {
        MeterRegistry.Registration memory r = registration(1, 1);
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.MeterExists.selector, METER));
        registry.register(r);
        r = registration(2, 1);
        r.key.y = "y of ed25519";
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.BadRegistration.selector, r.meter));
        registry.register(r);
        r.key.keyType = MeterRegistry.KeyType.P256;
        registry.register(r);
        r = registration(3, 1);
        r.owner = address(0);
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.BadRegistration.selector, r.meter));
        registry.register(r);
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.MeterUnknown.selector, r.meter));
        registry.setStatus(r.meter, MeterRegistry.Status.Frozen);
    }

    function testFuzz_onlyTheRegistrar(address caller) public {
        vm.assume(caller != address(this));
        MeterRegistry.Registration memory r = registration(2, 1);
        vm.startPrank(caller);
        vm.expectPartialRevert(bytes4(keccak256("AccessControlUnauthorizedAccount(address,bytes32)")));
        registry.register(r);
        vm.expectPartialRevert(bytes4(keccak256("AccessControlUnauthorizedAccount(address,bytes32)")));
        registry.setStatus(METER, MeterRegistry.Status.Frozen);
        vm.stopPrank();
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotRegistry.selector, caller));
        settlement.setCapacity(1);
    }

    function test_theSettlementIsNamedOnce() public {
        vm.expectRevert(abi.encodeWithSelector(MeterRegistry.AlreadyConnected.selector, address(settlement)));
        registry.connect(IMeterCapacity(address(1)));
    }
}
