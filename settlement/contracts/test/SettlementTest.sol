// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, HomeLeaf} from "../src/BatchHeader.sol";
import {EnergyToken} from "../src/EnergyToken.sol";
import {MeterRegistry} from "../src/MeterRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {TestStablecoin} from "../src/TestStablecoin.sol";
import {Vm} from "./Vm.sol";

/// @title The contracts on a fresh chain, and the plain way to build their trees
/// @notice The trees are built here a second time, without the library under test and without assembly.
abstract contract Chain {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant START = 1_781_514_000; // 2026-06-15T09:00:00Z
    uint40 internal constant WINDOW = 60;
    uint40 internal constant ESCAPE_AFTER = 7 days;
    address internal constant ADMIN = address(0xA11CE);
    address internal constant PROPOSER = address(0xB0B);

    TestStablecoin internal coin;
    MeterRegistry internal registry;
    Settlement internal settlement;
    EnergyToken internal token;

    error Failed(string what);

    function deploy() internal {
        vm.warp(START);
        coin = new TestStablecoin();
        registry = new MeterRegistry(address(this), address(this));
        settlement = new Settlement(
            Settlement.Settings({
                stablecoin: coin,
                registry: address(registry),
                owner: ADMIN,
                window: WINDOW,
                escapeAfter: ESCAPE_AFTER,
                minimumBondWei: 1 ether
            })
        );
        token = settlement.energyToken();
        registry.connect(settlement);
        vm.prank(ADMIN);
        settlement.appointProposer(PROPOSER);
        vm.deal(PROPOSER, 100 ether);
        vm.prank(PROPOSER);
        settlement.postBond{value: 1 ether}();
        registry.register(registration(1, 100_000));
        vm.warp(START + 1 days); // 2.4 MWh of headroom
    }

    // Checks

    function check(bool holds, string memory what) internal pure {
        if (!holds) revert Failed(what);
    }

    function same(uint256 a, uint256 b, string memory what) internal pure {
        if (a != b) revert Failed(string.concat(what, ": ", vm.toString(a), " is not ", vm.toString(b)));
    }

    // Making things

    function registration(uint8 n, uint32 capacityW) internal view returns (MeterRegistry.Registration memory) {
        return MeterRegistry.Registration({
            meter: bytes16(uint128(n)),
            owner: home(n),
            zoneHash: keccak256("elm-street"),
            role: MeterRegistry.Role.Connection,
            capacityW: capacityW,
            key: MeterRegistry.GatewayKey({
                x: keccak256(abi.encode(n)),
                y: 0,
                keyType: MeterRegistry.KeyType.Ed25519,
                validFrom: uint64(vm.getBlockTimestamp())
            })
        });
    }

    function home(uint256 n) internal pure returns (address) {
        return vm.addr(1000 + n);
    }

    /// A leaf for each home; home 0 receives what the others pay.
    function someLeaves(uint256 count, uint64 energyWh, int64 paysNano) internal pure returns (HomeLeaf[] memory all) {
        all = new HomeLeaf[](count);
        for (uint256 i = 0; i < count; i++) {
            all[i] = HomeLeaf({account: home(i), creditedWh: energyWh, retiredWh: energyWh / 4, cashNano: -paysNano});
        }
        all[0].cashNano = paysNano * int64(int256(count - 1));
    }

    /// The next batch over these leaves, not yet proposed.
    function nextHeader(HomeLeaf[] memory leaves) internal view returns (BatchHeader memory h) {
        (uint64 number,,,,) = settlement.finalBatch();
        (bytes32 homeRoot, uint64 credited,) = tree(leaves);
        h = BatchHeader({
            number: number + 1,
            parentRoot: settlement.currentRoot(),
            settledTo: uint64(vm.getBlockTimestamp()),
            homeRoot: homeRoot,
            creditedWh: credited,
            evidenceRoot: keccak256("evidence"),
            mintedWh: credited,
            carryWh: 0,
            marketRoot: keccak256("market")
        });
    }

    function propose(BatchHeader memory h) internal {
        vm.prank(PROPOSER);
        settlement.propose(h);
    }

    function proposeAndPass(HomeLeaf[] memory leaves) internal returns (BatchHeader memory h) {
        h = nextHeader(leaves);
        propose(h);
        vm.warp(vm.getBlockTimestamp() + WINDOW);
    }

    function fund(address who, uint64 units) internal {
        coin.mint(who, units);
        vm.prank(who);
        coin.approve(address(settlement), units);
        vm.prank(who);
        settlement.deposit(units);
    }

    function one(HomeLeaf memory leaf) internal pure returns (HomeLeaf[] memory leaves) {
        leaves = new HomeLeaf[](1);
        leaves[0] = leaf;
    }

    function slice(HomeLeaf[] memory leaves, uint256 first, uint256 count)
        internal
        pure
        returns (HomeLeaf[] memory part)
    {
        part = new HomeLeaf[](count);
        for (uint256 i = 0; i < count; i++) {
            part[i] = leaves[first + i];
        }
    }

    // The trees, the plain way

    struct Node {
        bytes32 hash;
        uint64 a;
        int64 b;
    }

    function leafNode(uint256 index, HomeLeaf memory leaf) internal pure returns (Node memory) {
        bytes memory data =
            abi.encodePacked(uint8(0), uint32(index), leaf.account, leaf.creditedWh, leaf.retiredWh, leaf.cashNano);
        return Node(keccak256(data), leaf.creditedWh, leaf.cashNano);
    }

    function parentOf(Node memory l, Node memory r) internal pure returns (Node memory) {
        bytes memory data = abi.encodePacked(uint8(1), l.hash, l.a, l.b, r.hash, r.a, r.b);
        return Node(keccak256(data), l.a + r.a, l.b + r.b);
    }

    function levelZero(HomeLeaf[] memory leaves) internal pure returns (Node[] memory nodes) {
        uint256 width = 1;
        while (width < leaves.length) {
            width *= 2;
        }
        nodes = new Node[](width);
        for (uint256 i = 0; i < leaves.length; i++) {
            nodes[i] = leafNode(i, leaves[i]);
        }
    }

    function above(Node[] memory nodes) internal pure returns (Node[] memory up) {
        up = new Node[](nodes.length / 2);
        for (uint256 i = 0; i < up.length; i++) {
            up[i] = parentOf(nodes[2 * i], nodes[2 * i + 1]);
        }
    }

    function tree(HomeLeaf[] memory leaves) internal pure returns (bytes32 root, uint64 a, int64 b) {
        Node[] memory nodes = levelZero(leaves);
        while (nodes.length > 1) {
            nodes = above(nodes);
        }
        return (nodes[0].hash, nodes[0].a, nodes[0].b);
    }

    /// The path above the aligned range of `width` leaves that starts at `first`.
    function pathOf(HomeLeaf[] memory leaves, uint256 first, uint256 width) internal pure returns (bytes memory path) {
        Node[] memory nodes = levelZero(leaves);
        uint256 index = first;
        for (uint256 below = 1; nodes.length > 1; below *= 2) {
            if (below >= width) {
                Node memory sibling = nodes[index ^ 1];
                path = bytes.concat(path, abi.encodePacked(sibling.hash, sibling.a, sibling.b));
            }
            nodes = above(nodes);
            index /= 2;
        }
    }
}

/// @title The base of most tests: a fresh chain for each
abstract contract SettlementTest is Chain {
    function setUp() public virtual {
        deploy();
    }
}
