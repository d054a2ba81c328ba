// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SettlementTest} from "./SettlementTest.sol";

/// @title A contract can rebuild what a gateway signed, and any reading under it
/// @notice The golden reading batch is written by `energy-core/tests/golden_reading_batch.rs`. A contract needs no CBOR
/// parser: it writes the header from its fields, and of a reading it takes the fixed part and the hash of the rest.
contract ReadingBatchTest is SettlementTest {
    string private golden;

    function setUp() public override {
        golden = vm.readFile("test/golden/reading_batch.json");
    }

    function number(string memory name) private view returns (uint64) {
        return uint64(vm.parseJsonUint(golden, name));
    }

    /// Deterministic CBOR (RFC 8949 §4.2.1): a head is its major type with the shortest argument.
    function head(uint8 major, uint64 argument) private pure returns (bytes memory) {
        uint8 top = major << 5;
        if (argument < 24) return abi.encodePacked(uint8(top | uint8(argument)));
        if (argument <= type(uint8).max) return abi.encodePacked(uint8(top | 24), uint8(argument));
        if (argument <= type(uint16).max) return abi.encodePacked(uint8(top | 25), uint16(argument));
        if (argument <= type(uint32).max) return abi.encodePacked(uint8(top | 26), uint32(argument));
        return abi.encodePacked(uint8(top | 27), argument);
    }

    function byteString(bytes memory content) private pure returns (bytes memory) {
        return bytes.concat(head(2, uint64(content.length)), content);
    }

    function headerBytes() private view returns (bytes memory) {
        return bytes.concat(
            head(4, 5),
            byteString(vm.parseJsonBytes(golden, ".header.gateway")),
            head(0, number(".header.sequence")),
            byteString(vm.parseJsonBytes(golden, ".header.previous")),
            head(0, number(".header.count")),
            byteString(vm.parseJsonBytes(golden, ".header.root"))
        );
    }

    function test_theSignedHeaderIsRebuilt() public view {
        bytes memory header = headerBytes();
        same(keccak256(header), keccak256(vm.parseJsonBytes(golden, ".header.cbor")), "header");
        same(keccak256(header), vm.parseJsonBytes32(golden, ".header.hash"), "hash of the header");

        // tag 18, [ {1: -8}, {}, header, signature ]: all but the 64 bytes of the signature.
        bytes memory signed = vm.parseJsonBytes(golden, ".signed_header");
        bytes memory expected =
            bytes.concat(head(6, 18), head(4, 4), byteString(hex"a10127"), head(5, 0), byteString(header), head(2, 64));
        same(signed.length, expected.length + 64, "length of the signed header");
        same(keccak256(cut(signed, 0, expected.length)), keccak256(expected), "signed header");
        bytes memory batch = vm.parseJsonBytes(golden, ".batch");
        bytes memory start = bytes.concat(head(4, 2), byteString(signed));
        same(keccak256(cut(batch, 0, start.length)), keccak256(start), "start of the batch");
    }

    /// The message of the signature: ["Signature1", {1: -8}, purpose ‖ hash of the zone document, header].
    function test_theMessageOfTheSignatureIsRebuilt() public view {
        bytes32 zoneHash = keccak256(vm.parseJsonBytes(golden, ".zone_document.cbor"));
        same(zoneHash, vm.parseJsonBytes32(golden, ".zone_document.hash"), "zone document");
        bytes memory external_ = bytes.concat("commonwatt/reading-batch/1", zoneHash);
        same(keccak256(external_), keccak256(vm.parseJsonBytes(golden, ".external_data")), "external data");
        bytes memory message = bytes.concat(
            head(4, 4),
            head(3, 10),
            "Signature1",
            byteString(hex"a10127"),
            byteString(external_),
            byteString(headerBytes())
        );
        same(keccak256(message), keccak256(vm.parseJsonBytes(golden, ".signature_message")), "message");
    }

    function test_aReadingAndItsPathLeadToTheSignedRoot() public view {
        for (uint256 i = 0; i < number(".header.count"); i++) {
            string memory at_ = string.concat(".readings[", vm.toString(i), "].");
            bytes32 leaf = keccak256(
                abi.encodePacked(
                    uint8(0),
                    bytes16(vm.parseJsonBytes(golden, string.concat(at_, "meter"))),
                    number(string.concat(at_, "sequence")),
                    number(string.concat(at_, "time_ms")),
                    number(string.concat(at_, "import_fixed")),
                    number(string.concat(at_, "export_fixed")),
                    keccak256(vm.parseJsonBytes(golden, string.concat(at_, "cbor")))
                )
            );
            same(leaf, vm.parseJsonBytes32(golden, string.concat(at_, "leaf")), "leaf");
            bytes32[] memory path = vm.parseJsonBytes32Array(golden, string.concat(at_, "path"));
            bytes32 hash = leaf;
            for (uint256 level = 0; level < path.length; level++) {
                hash = (i >> level) & 1 == 0
                    ? keccak256(abi.encodePacked(uint8(1), hash, path[level]))
                    : keccak256(abi.encodePacked(uint8(1), path[level], hash));
            }
            same(hash, vm.parseJsonBytes32(golden, ".header.root"), "root");
        }
    }

    function cut(bytes memory whole, uint256 from, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            part[i] = whole[from + i];
        }
    }

    function same(bytes32 a, bytes32 b, string memory what) private pure {
        check(a == b, what);
    }
}
