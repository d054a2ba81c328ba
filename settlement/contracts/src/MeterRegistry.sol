// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IMeterCapacity} from "./IMeterCapacity.sol";

/// @title Which gateway key may sign for which meter, and how much the meters can export
/// @notice Keys are kept with the time from which they are valid, so that what was signed under an old key can be
/// checked for ever; a new key takes effect at a future interval only. The total capacity of the active
/// connection-point meters is reported to the settlement contract, which bounds what can be minted by it.
/// Meter ids are salted hashes: nothing here names a person.
contract MeterRegistry is AccessControl {
    /// @notice The kind of a gateway's key.
    enum KeyType {
        Ed25519, // x = the 32-byte key, y = 0
        P256 // x and y of the point
    }

    /// @notice What a meter measures. Only a connection-point meter settles.
    enum Role {
        Connection,
        Generation,
        Storage
    }

    /// @notice `None` means not registered; a frozen meter settles nothing until it is active again; a retired one
    /// never comes back.
    enum Status {
        None,
        Active,
        Frozen,
        Retired
    }

    /// @notice A meter without its keys.
    struct Meter {
        address owner;
        Role role;
        Status status;
        uint32 capacityW;
        uint40 registeredAt; // s UTC, time of the block
        bytes32 zoneHash; // keccak256 of the zone's name
    }

    /// @notice A gateway key and the start of the first interval for which it signs.
    struct GatewayKey {
        bytes32 x;
        bytes32 y;
        KeyType keyType;
        uint64 validFrom; // s UTC
    }

    /// @notice What a registration says.
    struct Registration {
        bytes16 meter;
        address owner;
        bytes32 zoneHash;
        Role role;
        uint32 capacityW;
        GatewayKey key;
    }

    /// @notice Who may register meters, change their status and rotate keys.
    bytes32 public constant REGISTRAR_ROLE = keccak256("commonwatt/registrar");

    /// @notice The settlement contract that mirrors the capacity; zero until it is connected.
    IMeterCapacity public settlement;
    /// @notice What the active connection-point meters can export in total, in W.
    uint64 public totalCapacityW;
    /// @notice How many meters were ever registered.
    uint32 public meterCount;

    mapping(bytes16 meter => Meter) private meters;
    mapping(bytes16 meter => GatewayKey[]) private keys;

    event SettlementConnected(address indexed settlement);
    event MeterRegistered(
        bytes16 indexed meter, address indexed owner, bytes32 indexed zoneHash, Role role, uint32 capacityW
    );
    event GatewayKeySet(bytes16 indexed meter, KeyType keyType, bytes32 x, bytes32 y, uint64 validFrom);
    event StatusChanged(bytes16 indexed meter, Status status);
    event CapacityChanged(bytes16 indexed meter, uint32 capacityW);

    /// @notice The settlement contract is set once.
    error AlreadyConnected(address settlement);
    error MeterExists(bytes16 meter);
    error MeterUnknown(bytes16 meter);
    error MeterRetired(bytes16 meter);
    /// @notice Expected a meter id, an owner and a key other than zero (and y = 0 for ed25519).
    error BadRegistration(bytes16 meter);
    /// @notice A new key must take effect after `earliest`, got `validFrom` (s UTC).
    error KeyNotInFuture(bytes16 meter, uint64 validFrom, uint64 earliest);
    /// @notice No key of the meter was valid at that time.
    error NoKeyAt(bytes16 meter, uint64 time);
    error BadStatus(bytes16 meter, Status status);

    constructor(address admin, address registrar) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, registrar);
    }

    /// @notice Names the settlement contract, once, and tells it the present capacity.
    function connect(IMeterCapacity settlement_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (address(settlement) != address(0)) revert AlreadyConnected(address(settlement));
        settlement = settlement_;
        emit SettlementConnected(address(settlement_));
        settlement_.setCapacity(totalCapacityW);
    }

    /// @notice Registers one meter.
    function register(Registration calldata registration) external onlyRole(REGISTRAR_ROLE) {
        _register(registration);
        _report();
    }

    /// @notice Registers many meters; the capacity is reported once.
    function registerMany(Registration[] calldata registrations) external onlyRole(REGISTRAR_ROLE) {
        for (uint256 i = 0; i < registrations.length; i++) {
            _register(registrations[i]);
        }
        _report();
    }

    /// @notice Gives a meter a new gateway key from a future interval on. The old one stays on record.
    function rotateKey(bytes16 meter, GatewayKey calldata key) external onlyRole(REGISTRAR_ROLE) {
        _living(meter);
        GatewayKey[] storage known = keys[meter];
        uint64 earliest = uint64(block.timestamp);
        uint64 newest = known[known.length - 1].validFrom;
        if (newest > earliest) earliest = newest;
        if (key.validFrom <= earliest) revert KeyNotInFuture(meter, key.validFrom, earliest);
        _addKey(meter, key);
    }

    /// @notice Freezes, thaws or retires a meter. A frozen or retired one adds nothing to the capacity.
    function setStatus(bytes16 meter, Status status) external onlyRole(REGISTRAR_ROLE) {
        Meter storage m = _living(meter);
        if (status == Status.None) revert BadStatus(meter, status);
        totalCapacityW -= _counted(m);
        m.status = status;
        totalCapacityW += _counted(m);
        emit StatusChanged(meter, status);
        _report();
    }

    /// @notice Changes what a meter's connection can export.
    function setCapacityW(bytes16 meter, uint32 capacityW) external onlyRole(REGISTRAR_ROLE) {
        Meter storage m = _living(meter);
        totalCapacityW -= _counted(m);
        m.capacityW = capacityW;
        totalCapacityW += _counted(m);
        emit CapacityChanged(meter, capacityW);
        _report();
    }

    /// @notice What is known about a meter; `status` is `None` when it is not registered.
    function meterOf(bytes16 meter) external view returns (Meter memory) {
        return meters[meter];
    }

    /// @notice All keys of a meter, oldest first.
    function keysOf(bytes16 meter) external view returns (GatewayKey[] memory) {
        return keys[meter];
    }

    /// @notice The key that signs for a meter at `time` (s UTC).
    function keyAt(bytes16 meter, uint64 time) external view returns (GatewayKey memory) {
        GatewayKey[] storage known = keys[meter];
        for (uint256 i = known.length; i > 0; i--) {
            if (known[i - 1].validFrom <= time) return known[i - 1];
        }
        revert NoKeyAt(meter, time);
    }

    function _register(Registration calldata r) private {
        if (meters[r.meter].status != Status.None) revert MeterExists(r.meter);
        if (r.meter == bytes16(0) || r.owner == address(0)) revert BadRegistration(r.meter);
        meters[r.meter] = Meter({
            owner: r.owner,
            role: r.role,
            status: Status.Active,
            capacityW: r.capacityW,
            registeredAt: uint40(block.timestamp),
            zoneHash: r.zoneHash
        });
        meterCount += 1;
        totalCapacityW += _counted(meters[r.meter]);
        emit MeterRegistered(r.meter, r.owner, r.zoneHash, r.role, r.capacityW);
        _addKey(r.meter, r.key);
    }

    function _addKey(bytes16 meter, GatewayKey calldata key) private {
        bool fits = key.x != 0 && (key.keyType == KeyType.P256) == (key.y != 0);
        if (!fits) revert BadRegistration(meter);
        keys[meter].push(key);
        emit GatewayKeySet(meter, key.keyType, key.x, key.y, key.validFrom);
    }

    function _living(bytes16 meter) private view returns (Meter storage m) {
        m = meters[meter];
        if (m.status == Status.None) revert MeterUnknown(meter);
        if (m.status == Status.Retired) revert MeterRetired(meter);
    }

    function _counted(Meter storage m) private view returns (uint32) {
        return m.status == Status.Active && m.role == Role.Connection ? m.capacityW : 0;
    }

    function _report() private {
        if (address(settlement) != address(0)) settlement.setCapacity(totalCapacityW);
    }
}
