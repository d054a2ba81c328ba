// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, HomeLeaf} from "../src/BatchHeader.sol";
import {Settlement} from "../src/Settlement.sol";
import {TestStablecoin} from "../src/TestStablecoin.sol";
import {Chain, SettlementTest} from "./SettlementTest.sol";

/// @title A street that does anything its members and an honest operator can do, in any order
contract Street is Chain {
    uint256 public constant HOMES = 6;

    HomeLeaf[] private ledger; // the operator's books
    HomeLeaf[] private leaves; // of the newest batch
    BatchHeader private header;
    uint64[6] public requested;
    uint256 public proposals;
    uint256 public payments;

    constructor() {
        deploy();
        for (uint256 i = 0; i < HOMES; i++) {
            ledger.push(HomeLeaf(home(i), 0, 0, 0));
            fund(home(i), 1000);
        }
    }

    function coinOf() external view returns (TestStablecoin) {
        return coin;
    }

    function settlementOf() external view returns (Settlement) {
        return settlement;
    }

    function deposit(uint8 who, uint32 units) external {
        fund(home(who % HOMES), uint64(units) + 1);
    }

    /// A trade: the buyer pays what it has at most, less what it asked back.
    function trade(uint8 buyer, uint8 seller, uint16 energyWh, uint32 nano) external {
        (uint256 b, uint256 s) = (buyer % HOMES, seller % HOMES);
        if (b == s) return;
        (,, uint64 deposited, uint64 withdrawn,) = settlement.account(home(b));
        int256 free = (int256(uint256(deposited)) - int256(uint256(withdrawn)) - int256(uint256(requested[b]))) * 1000
            + ledger[b].cashNano;
        int64 pays = free <= 0 ? int64(0) : free < int256(uint256(nano)) ? int64(free) : int64(uint64(nano));
        ledger[b].creditedWh += energyWh;
        ledger[b].cashNano -= pays;
        ledger[s].cashNano += pays;
    }

    function retire(uint8 who, uint16 energyWh) external {
        HomeLeaf storage leaf = ledger[who % HOMES];
        uint64 left = leaf.creditedWh - leaf.retiredWh;
        leaf.retiredWh += energyWh < left ? energyWh : left;
    }

    function wait(uint16 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + seconds_);
    }

    function proposeBatch() external {
        (uint64 running,,,,,) = settlement.pending();
        if (running != 0) return;
        vm.warp(vm.getBlockTimestamp() + 1);
        BatchHeader memory h = nextHeader(ledger);
        if (h.mintedWh > settlement.mintableWh()) return;
        propose(h);
        header = h;
        leaves = ledger;
        proposals += 1;
    }

    function sync(uint8 first, uint8 height) external {
        if (proposals == 0 || !settlement.isClaimable(header)) return;
        uint256 width = 1 << (height % 2);
        uint256 start = (first % HOMES) / width * width;
        settlement.sync(header, uint32(start), slice(leaves, start, width), pathOf(leaves, start, width));
    }

    function take(uint8 who, uint16 energyWh) external {
        (uint64 held,,,,) = settlement.account(home(who % HOMES));
        if (held == 0) return;
        vm.prank(home(who % HOMES));
        settlement.takeEnergy(energyWh % held + 1);
    }

    function request(uint8 who, uint32 units) external {
        uint256 i = who % HOMES;
        vm.prank(home(i));
        settlement.requestWithdrawal(units);
        requested[i] = units;
    }

    function complete(uint8 who) external {
        uint256 i = who % HOMES;
        if (proposals == 0 || requested[i] == 0 || !settlement.isClaimable(header)) return;
        HomeLeaf[] memory leaf = one(leaves[i]);
        bytes memory path = pathOf(leaves, i, 1);
        try settlement.completeWithdrawal(header, uint32(i), leaf, path) {
            requested[i] = 0;
            payments += 1;
        } catch (bytes memory why) {
            // An honest street meets no other refusal: above all the escrow can always pay.
            bytes4 selector = bytes4(why);
            check(
                selector == Settlement.RequestTooNew.selector || selector == Settlement.NothingAvailable.selector,
                "refused"
            );
        }
    }

    /// What the newest final batch owes to all accounts that own something, in nano.
    function owedNano() external view returns (int256 owed) {
        if (proposals == 0 || !settlement.isClaimable(header)) return 0;
        for (uint256 i = 0; i < HOMES; i++) {
            (,, uint64 deposited, uint64 withdrawn,) = settlement.account(home(i));
            int256 owned = (int256(uint256(deposited)) - int256(uint256(withdrawn))) * 1000 + leaves[i].cashNano;
            if (owned > 0) owed += owned;
        }
    }
}

contract InvariantsTest is SettlementTest {
    Street private street;
    Settlement private chain;
    uint64[6] private credited;
    uint64[6] private retired;
    uint64 private lastMinted;

    function setUp() public override {
        street = new Street();
        chain = street.settlementOf();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(street);
    }

    /// The escrow is deposits less withdrawals, and covers what the final batch owes.
    function invariant_theEscrowCoversWhatIsOwed() public view {
        uint256 paidIn;
        uint256 paidOut;
        for (uint256 i = 0; i < 6; i++) {
            (,, uint64 deposited, uint64 withdrawn,) = chain.account(home(i));
            (paidIn, paidOut) = (paidIn + deposited, paidOut + withdrawn);
        }
        uint256 kept = paidIn - paidOut;
        same(street.coinOf().balanceOf(address(chain)), kept, "escrow");
        check(street.owedNano() <= int256(kept) * 1000, "owed more than is there");
    }

    /// Tokens out = energy taken, and an account's energy never exceeds what was credited.
    function invariant_tokensAreEnergyTakenOut() public view {
        uint256 taken;
        uint256 held;
        uint256 all;
        for (uint256 i = 0; i < 6; i++) {
            (uint64 energy,,,,) = chain.account(home(i));
            (, uint64 creditedWh, uint64 takenWh) = chain.synced(home(i));
            taken += takenWh;
            held += energy;
            all += creditedWh;
        }
        same(chain.energyToken().totalSupply(), taken, "supply");
        check(taken + held <= all, "more energy than was credited");
        (,,, uint64 mintedWh,) = chain.finalBatch();
        check(all <= mintedWh && mintedWh <= chain.mintableWh(), "credited beyond what is final or possible");
    }

    /// Lifetime sums never fall.
    function invariant_lifetimeSumsNeverFall() public {
        (,,, uint64 mintedWh,) = chain.finalBatch();
        check(mintedWh >= lastMinted, "minted fell");
        lastMinted = mintedWh;
        for (uint256 i = 0; i < 6; i++) {
            (, uint64 creditedWh,) = chain.synced(home(i));
            (, uint64 retiredWh,,,) = chain.account(home(i));
            check(creditedWh >= credited[i] && retiredWh >= retired[i], "an account fell");
            (credited[i], retired[i]) = (creditedWh, retiredWh);
        }
    }
}
