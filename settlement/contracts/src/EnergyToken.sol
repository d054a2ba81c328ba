// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Verified local energy that its owner has taken out of the settlement
/// @notice One smallest unit is one Wh, one whole token is one kWh. Only the settlement contract mints, and only what
/// an account holds under a final root. Who claims to have used local energy retires it: that burns the units for good.
contract EnergyToken is ERC20 {
    /// The settlement contract, the only one that mints.
    address public immutable settlement;

    /// @notice `amountWh` of `owner` were used up in the name of `beneficiary`.
    event Retired(address indexed owner, address indexed beneficiary, uint256 amountWh);

    /// @notice Expected the settlement contract, got `caller`.
    error NotSettlement(address caller);

    constructor(address settlement_) ERC20("Commonwatt local energy", "CWH") {
        settlement = settlement_;
    }

    /// @notice Three decimals: the smallest unit is one Wh.
    function decimals() public pure override returns (uint8) {
        return 3;
    }

    /// @notice Makes `amountWh` for `account`. Settlement alone may.
    function mint(address account, uint256 amountWh) external {
        if (msg.sender != settlement) revert NotSettlement(msg.sender);
        _mint(account, amountWh);
    }

    /// @notice Burns `amountWh` of the caller in the name of `beneficiary`.
    function retire(uint256 amountWh, address beneficiary) external {
        _burn(msg.sender, amountWh);
        emit Retired(msg.sender, beneficiary, amountWh);
    }
}
