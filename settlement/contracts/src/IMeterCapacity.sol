// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What the meter registry tells the settlement contract
/// @notice A proposal reads the capacity from the settlement's own storage, which costs less than a call to the
/// registry; so the registry reports every change.
interface IMeterCapacity {
    /// @notice The active connection-point meters can now export `capacityW` in total.
    function setCapacity(uint64 capacityW) external;
}
