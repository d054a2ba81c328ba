// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, BatchHeaders, EvidenceLeaf, HomeLeaf} from "../src/BatchHeader.sol";
import {SumTree} from "../src/SumTree.sol";
import {SettlementTest} from "./SettlementTest.sol";

/// @title The contract's view of the values in the golden files
contract GoldenCaller {
    function root(BatchHeader calldata header) external view returns (bytes32) {
        return BatchHeaders.root(header);
    }

    function homeRange(uint32 first, HomeLeaf[] calldata leaves, bytes calldata path)
        external
        pure
        returns (bytes32 hash, uint128 total)
    {
        return SumTree.homeRange(first, leaves, path);
    }

    function homeLeaf(uint32 index, HomeLeaf calldata leaf) external pure returns (bytes32) {
        return SumTree.homeLeaf(index, leaf);
    }

    function evidenceLeaf(EvidenceLeaf calldata leaf) external pure returns (bytes32) {
        return SumTree.evidenceLeaf(leaf);
    }
}

/// @title The chain agrees with the Rust side on every byte that is hashed
/// @notice The files are written by `settlement/tests/golden.rs`.
contract GoldenTest is SettlementTest {
    GoldenCaller private caller;
    string private homes;
    string private evidence;
    string private header;

    function setUp() public override {
        super.setUp();
        caller = new GoldenCaller();
        homes = vm.readFile("../tests/golden/home_tree.json");
        evidence = vm.readFile("../tests/golden/evidence_tree.json");
        header = vm.readFile("../tests/golden/header.json");
    }

    function field(string memory list, uint256 i, string memory name) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "].", name);
    }

    function homeLeaves() private view returns (HomeLeaf[] memory leaves) {
        leaves = new HomeLeaf[](26);
        for (uint256 i = 0; i < 26; i++) {
            leaves[i] = HomeLeaf({
                account: vm.parseJsonAddress(homes, field(".leaves", i, "account")),
                creditedWh: uint64(vm.parseJsonUint(homes, field(".leaves", i, "credited_wh"))),
                retiredWh: uint64(vm.parseJsonUint(homes, field(".leaves", i, "retired_wh"))),
                cashNano: int64(vm.parseJsonInt(homes, field(".leaves", i, "cash_nano")))
            });
        }
    }

    function goldenHeader() private view returns (BatchHeader memory) {
        return BatchHeader({
            number: uint64(vm.parseJsonUint(header, ".number")),
            parentRoot: vm.parseJsonBytes32(header, ".parent_root"),
            settledTo: uint64(vm.parseJsonUint(header, ".settled_to")),
            homeRoot: vm.parseJsonBytes32(header, ".home_root"),
            creditedWh: uint64(vm.parseJsonUint(header, ".credited_wh")),
            evidenceRoot: vm.parseJsonBytes32(header, ".evidence_root"),
            mintedWh: uint64(vm.parseJsonUint(header, ".minted_wh")),
            carryWh: uint64(vm.parseJsonUint(header, ".carry_wh")),
            marketRoot: vm.parseJsonBytes32(header, ".market_root")
        });
    }

    function test_everyHomeLeafAndItsPath() public view {
        HomeLeaf[] memory leaves = homeLeaves();
        bytes32 root = vm.parseJsonBytes32(homes, ".root");
        uint128 sums = SumTree.sums(uint64(vm.parseJsonUint(homes, ".credited_wh")), 0);
        for (uint32 i = 0; i < 26; i++) {
            bytes32 leaf = vm.parseJsonBytes32(homes, field(".leaves", i, "hash"));
            check(caller.homeLeaf(i, leaves[i]) == leaf, "leaf");
            bytes memory path = vm.parseJsonBytes(homes, field(".leaves", i, "path"));
            check(keccak256(path) == keccak256(pathOf(leaves, i, 1)), "path");
            (bytes32 hash, uint128 total) = caller.homeRange(i, one(leaves[i]), path);
            check(hash == root && total == sums, "root");
        }
        (bytes32 all, uint128 allSums) = caller.homeRange(0, leaves, "");
        check(all == root && allSums == sums, "root of the whole street");
        bytes memory above = vm.parseJsonBytes(homes, ".path_above_leaves_8_to_15");
        (bytes32 range, uint128 rangeSums) = caller.homeRange(8, slice(leaves, 8, 8), above);
        check(range == root && rangeSums == sums, "root of a range");
    }

    function test_everyEvidenceLeafAndItsPath() public view {
        BatchHeader memory h = goldenHeader();
        for (uint32 i = 0; i < 12; i++) {
            EvidenceLeaf memory leaf = EvidenceLeaf({
                meter: bytes16(vm.parseJsonBytes(evidence, field(".leaves", i, "meter"))),
                settledTo: uint64(vm.parseJsonUint(evidence, field(".leaves", i, "settled_to"))),
                mintedWh: uint64(vm.parseJsonUint(evidence, field(".leaves", i, "minted_wh"))),
                carryWh: uint64(vm.parseJsonUint(evidence, field(".leaves", i, "carry_wh"))),
                sequence: uint64(vm.parseJsonUint(evidence, field(".leaves", i, "sequence"))),
                readingHash: vm.parseJsonBytes32(evidence, field(".leaves", i, "reading_hash"))
            });
            bytes32 hash = vm.parseJsonBytes32(evidence, field(".leaves", i, "hash"));
            check(caller.evidenceLeaf(leaf) == hash, "leaf");
            bytes memory path = vm.parseJsonBytes(evidence, field(".leaves", i, "path"));
            check(settlement.hasEvidence(h, i, leaf, path), "path");
            leaf.mintedWh += 1;
            check(!settlement.hasEvidence(h, i, leaf, path), "a changed leaf");
        }
    }

    function test_theRootOfTheHeader() public {
        BatchHeader memory h = goldenHeader();
        address at_ = vm.parseJsonAddress(header, ".contract");
        uint256 chainId = vm.parseJsonUint(header, ".chain_id");
        bytes memory encoded = abi.encode(keccak256("commonwatt/settlement-batch/1"), chainId, at_, h);
        check(keccak256(encoded) == keccak256(vm.parseJsonBytes(header, ".encoded")), "encoding");

        vm.chainId(chainId);
        vm.etch(at_, address(caller).code);
        check(GoldenCaller(at_).root(h) == vm.parseJsonBytes32(header, ".root"), "root");
        check(caller.root(h) != vm.parseJsonBytes32(header, ".root"), "another contract");
    }
}
