// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Play money for the demo and the tests
/// @notice A stand-in for a euro stablecoin: six decimals, EIP-2612 permits, and a deployer who can mint as much as
/// they like. Worth nothing, and not for use where money is.
contract TestStablecoin is ERC20, ERC20Permit {
    /// Who may mint.
    address public immutable faucet;

    /// @notice Expected the deployer, got `caller`.
    error NotFaucet(address caller);

    constructor() ERC20("Commonwatt test euro", "tEUR") ERC20Permit("Commonwatt test euro") {
        faucet = msg.sender;
    }

    /// @notice Six decimals: the smallest unit is 10^-6 euro.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @notice Gives `amountUnits` of 10^-6 euro to `account`. The deployer alone may.
    function mint(address account, uint256 amountUnits) external {
        if (msg.sender != faucet) revert NotFaucet(msg.sender);
        _mint(account, amountUnits);
    }

    /// @notice The same for many accounts at once.
    function mintMany(address[] calldata accounts, uint256 amountUnits) external {
        if (msg.sender != faucet) revert NotFaucet(msg.sender);
        for (uint256 i = 0; i < accounts.length; i++) {
            _mint(accounts[i], amountUnits);
        }
    }
}
