// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20, IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BatchHeader, BatchHeaders, EvidenceLeaf, HomeLeaf} from "./BatchHeader.sol";
import {BatchWord, batchWord} from "./BatchWord.sol";
import {EnergyToken} from "./EnergyToken.sol";
import {IMeterCapacity} from "./IMeterCapacity.sol";
import {LeafWord, leafWord} from "./LeafWord.sol";
import {SumTree} from "./SumTree.sol";

/// @title Escrow, and the one current root that says whose energy and money is whose
/// @notice An operator proposes settlement batches. A batch is one hash over three trees (see {BatchHeader}); its sums
/// are lifetime sums, so each batch replaces the one before, and no storage slot is created per batch.
///
/// - At most one batch is pending. It is final for every reader once its window has passed; nobody has to say so.
/// - The newest final root and the ones before it stay claimable ({ROOTS} in all), so a claim never races a proposal.
/// - An account's leaf is brought in by {sync}, by anybody. Only then does the account hold its energy here.
/// - Money leaves in two steps and always together with the account's debts: see {completeWithdrawal}.
///
/// What the contract enforces by itself: energy credited equals energy minted, cash sums to zero, neither energy sum
/// ever falls, and what is minted stays within what the registered meters can have exported. What it cannot see is
/// whether the energy went to the right homes: that needs the published data, the challenge window and fraud proofs.
/// **Fraud proofs are not part of this version**: the window delays finality and the bond is locked, but no proof can
/// void a pending batch yet.
///
/// The stablecoin is trusted: six decimals, no fee on transfer. Units: Wh, units of 10^-6 currency, nano = 10^-9.
contract Settlement is Ownable2Step, IMeterCapacity {
    using BatchHeaders for BatchHeader;
    using SafeCast for uint256;
    using SafeCast for int256;
    using SafeERC20 for IERC20;

    /// @notice What is fixed when the contract is made.
    struct Settings {
        IERC20Metadata stablecoin;
        address registry; // reports the capacity
        address owner; // appoints the proposer
        uint40 window; // s from proposal to finality
        uint40 escapeAfter; // s without a batch until everyone can leave, longer than the window
        uint256 minimumBondWei;
    }

    /// @notice Everything else a proposal is checked against. One slot.
    /// Capacity is counted in 100 W, rounded down in total; the headroom since {deployedAt} is
    /// `capacity × seconds − offset`, continuous where the capacity changes.
    struct Gate {
        address proposer; // appointed and with its bond posted, else zero
        uint32 capacity100W;
        int64 offset100Ws;
    }

    /// @notice An account: what its newest synced leaf says, and what it moved here. Two slots.
    struct Account {
        LeafWord leaf;
        uint64 depositedUnits;
        uint64 withdrawnUnits;
        uint64 takenWh; // taken out as EnergyToken
    }

    /// @notice An open request to withdraw.
    struct Request {
        uint64 units; // 0 = none
        uint64 batch; // the newest proposed batch at the time; only a later one can serve it
        uint64 requestedAt; // s UTC
    }

    /// @notice How many roots are kept: the newest, which may be pending, and eight before it.
    uint256 public constant ROOTS = 9;
    /// @notice 10^-9 currency in a unit of the stablecoin.
    int256 private constant NANO_PER_UNIT = 1000;
    /// @notice 100 W for a second are 1/36 Wh.
    uint256 private constant HUNDRED_WATT_SECONDS_PER_WH = 36;

    IERC20 public immutable stablecoin;
    EnergyToken public immutable energyToken;
    address public immutable registry;
    uint256 public immutable window;
    uint256 public immutable escapeAfter;
    uint256 public immutable minimumBondWei;
    /// @notice When the contract was made, s UTC.
    uint256 public immutable deployedAt;

    /// @notice Whom the owner wants to propose; it can once its bond is posted.
    address public appointed;
    /// @notice Somebody left without the operator: no batch is accepted any more.
    bool public closed;
    Gate private gate;
    /// Batch n stands at n % ROOTS.
    bytes32[ROOTS] private roots;
    /// Batch n stands at n % 2.
    BatchWord[2] private batches;
    mapping(address account => Account) private accounts;
    mapping(address account => Request) private requests;
    /// @notice Bonds in wei.
    mapping(address proposer => uint256) public bondWei;

    event Proposed(
        uint64 indexed number,
        bytes32 indexed root,
        bytes32 parentRoot,
        uint64 settledTo,
        bytes32 homeRoot,
        uint64 creditedWh,
        bytes32 evidenceRoot,
        uint64 mintedWh,
        uint64 carryWh,
        bytes32 marketRoot
    );
    event Synced(uint64 indexed number, uint32 firstIndex, uint256 leaves);
    event EnergyTaken(address indexed account, uint64 amountWh);
    event Deposited(address indexed account, address indexed payer, uint64 amountUnits);
    event WithdrawalRequested(address indexed account, uint64 amountUnits, uint64 afterBatch);
    event Withdrawn(address indexed account, uint64 amountUnits, uint64 batch);
    event ProposerAppointed(address indexed proposer);
    event BondPosted(address indexed proposer, uint256 amountWei);
    event BondWithdrawn(address indexed proposer, uint256 amountWei);
    event CapacitySet(uint64 capacityW);
    event Closed();

    /// @notice Expected a stablecoin of six decimals, a registry, and an escape time longer than the window.
    error BadSettings();
    /// @notice Expected `proposer` (zero: nobody is appointed and bonded), got `caller`.
    error NotProposer(address caller, address proposer);
    error NotRegistry(address caller);
    error NotNextNumber(uint64 expected, uint64 got);
    /// @notice A batch is pending until `finalAt` (s UTC).
    error WindowRunning(uint256 finalAt);
    error NotCurrentRoot(bytes32 expected, bytes32 got);
    /// @notice Expected a time after `after_` and not after the block's, got `settledTo`.
    error BadSettledTo(uint64 after_, uint64 settledTo, uint256 blockTime);
    error CreditedIsNotMinted(uint64 creditedWh, uint64 mintedWh);
    error MintedFell(uint64 beforeWh, uint64 mintedWh);
    error CarryAboveMinted(uint64 carryWh, uint64 mintedWh);
    error AboveCapacity(uint64 mintedWh, uint64 limitWh);
    /// @notice This header is not that of a final batch whose root is kept.
    error NotFinal(uint64 number);
    /// @notice A withdrawal needs the newest final batch.
    error NotNewest(uint64 newest, uint64 got);
    /// @notice The leaves and their path do not lead to the header's root and sums.
    error NotInTree();
    /// @notice A lifetime sum of the leaf is lower than what was synced before.
    error LeafFell(address account, uint64 batch);
    /// @notice The account has another leaf in the same batch.
    error ConflictingLeaf(address account, uint64 batch);
    error NotEnoughEnergy(uint64 heldWh, uint64 wantedWh);
    error ZeroAmount();
    error ZeroAccount();
    error NothingRequested(address account);
    /// @notice The request waits for a batch proposed after batch `afterBatch`.
    error RequestTooNew(uint64 afterBatch, uint64 got);
    /// @notice The account's deposits less withdrawals plus cash are below one unit.
    error NothingAvailable(address account);
    /// @notice The account has a leaf, or the time has not come yet.
    error NotUnlisted(address account, uint256 availableAt);
    error NotEnoughBond(uint256 postedWei, uint256 wantedWei);
    error IsClosed();
    error PaymentFailed();

    constructor(Settings memory settings) Ownable(settings.owner) {
        bool good = settings.stablecoin.decimals() == 6 && settings.registry != address(0)
            && settings.escapeAfter > settings.window;
        if (!good) revert BadSettings();
        stablecoin = settings.stablecoin;
        registry = settings.registry;
        window = settings.window;
        escapeAfter = settings.escapeAfter;
        minimumBondWei = settings.minimumBondWei;
        deployedAt = block.timestamp;
        energyToken = new EnergyToken(address(this));
    }

    // Proposing

    /// @notice Proposes the next batch. It is final after {window} seconds.
    function propose(BatchHeader memory header) external {
        Gate memory g = gate;
        if (msg.sender != g.proposer) revert NotProposer(msg.sender, g.proposer);

        BatchWord last = _last();
        uint64 next = last.number() + 1;
        if (header.number != next) revert NotNextNumber(next, header.number);
        if (!_isFinal(last)) revert WindowRunning(last.proposedAt() + window);
        bytes32 parent = roots[last.number() % ROOTS];
        if (header.parentRoot != parent) revert NotCurrentRoot(parent, header.parentRoot);
        if (header.settledTo <= last.settledTo() || header.settledTo > block.timestamp) {
            revert BadSettledTo(last.settledTo(), header.settledTo, block.timestamp);
        }
        uint64 minted = header.mintedWh;
        if (header.creditedWh != minted) revert CreditedIsNotMinted(header.creditedWh, minted);
        if (minted < last.mintedWh()) revert MintedFell(last.mintedWh(), minted);
        if (header.carryWh > minted) revert CarryAboveMinted(header.carryWh, minted);
        int256 headroom = _headroom100Ws(g);
        if (int256(uint256(minted) * HUNDRED_WATT_SECONDS_PER_WH) > headroom) {
            revert AboveCapacity(minted, _toWh(headroom));
        }

        bytes32 root = header.rootInMemory();
        roots[header.number % ROOTS] = root;
        batches[header.number % 2] =
            batchWord(header.number, block.timestamp, header.settledTo, header.mintedWh, header.carryWh);
        emit Proposed(
            header.number,
            root,
            header.parentRoot,
            header.settledTo,
            header.homeRoot,
            header.creditedWh,
            header.evidenceRoot,
            header.mintedWh,
            header.carryWh,
            header.marketRoot
        );
    }

    /// @notice Names who may propose. It can as soon as its bond is posted; whoever could before cannot any more.
    function appointProposer(address proposer) external onlyOwner {
        if (closed) revert IsClosed();
        appointed = proposer;
        _admit(proposer);
        emit ProposerAppointed(proposer);
    }

    /// @notice Adds to the caller's bond.
    function postBond() external payable {
        if (closed) revert IsClosed();
        if (msg.value == 0) revert ZeroAmount();
        bondWei[msg.sender] += msg.value;
        if (msg.sender == appointed) _admit(msg.sender);
        emit BondPosted(msg.sender, msg.value);
    }

    /// @notice Takes back from the caller's bond, never while a window runs. With less than the minimum left the
    /// caller cannot propose.
    function withdrawBond(uint256 amountWei) external {
        BatchWord last = _last();
        if (!_isFinal(last)) revert WindowRunning(last.proposedAt() + window);
        uint256 posted = bondWei[msg.sender];
        if (amountWei == 0) revert ZeroAmount();
        if (amountWei > posted) revert NotEnoughBond(posted, amountWei);
        bondWei[msg.sender] = posted - amountWei;
        if (msg.sender == gate.proposer) _admit(msg.sender);
        emit BondWithdrawn(msg.sender, amountWei);
        (bool paid,) = msg.sender.call{value: amountWei}("");
        if (!paid) revert PaymentFailed();
    }

    /// @inheritdoc IMeterCapacity
    function setCapacity(uint64 capacityW) external {
        if (msg.sender != registry) revert NotRegistry(msg.sender);
        uint256 capacity = capacityW / 100;
        int256 change = int256(capacity) - int256(uint256(gate.capacity100W));
        int256 offset = int256(gate.offset100Ws) + change * int256(block.timestamp - deployedAt);
        gate.capacity100W = capacity.toUint32();
        gate.offset100Ws = offset.toInt64();
        emit CapacitySet(capacityW);
    }

    // Claiming

    /// @notice Brings the leaves from `firstIndex` on into their accounts; anybody may. The range is padded to the next
    /// power of two and must start at a multiple of it; a single leaf is a range of one. An account that was synced
    /// with a later batch is left alone, and doing it twice changes nothing.
    /// @param path 48 bytes a level above the range, lowest first: hash, a, b of the sibling.
    function sync(BatchHeader calldata header, uint32 firstIndex, HomeLeaf[] calldata leaves, bytes calldata path)
        external
    {
        _requireFinal(header, _last());
        _sync(header, firstIndex, leaves, path);
    }

    /// @notice Takes energy that the caller holds out as tokens, 1 unit = 1 Wh.
    function takeEnergy(uint64 amountWh) external {
        Account storage a = accounts[msg.sender];
        uint64 held = _energyWh(a);
        if (amountWh == 0) revert ZeroAmount();
        if (amountWh > held) revert NotEnoughEnergy(held, amountWh);
        a.takenWh += amountWh;
        emit EnergyTaken(msg.sender, amountWh);
        energyToken.mint(msg.sender, amountWh);
    }

    // Money

    /// @notice Pays `amountUnits` of the caller's stablecoin into the caller's account.
    function deposit(uint64 amountUnits) external {
        _deposit(msg.sender, amountUnits);
    }

    /// @notice The same into another account.
    function depositFor(address account_, uint64 amountUnits) external {
        _deposit(account_, amountUnits);
    }

    /// @notice The same with a signed permit (EIP-2612) in place of an allowance. A permit that somebody else has
    /// already handed in does no harm.
    function depositWithPermit(uint64 amountUnits, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        try IERC20Permit(address(stablecoin)).permit(msg.sender, address(this), amountUnits, deadline, v, r, s) {}
            catch {}
        _deposit(msg.sender, amountUnits);
    }

    /// @notice Step one: asks for `amountUnits`, in place of an earlier request; 0 takes it back. From now on the
    /// operator must not let the account spend them. Ask for type(uint64).max to get everything.
    function requestWithdrawal(uint64 amountUnits) external {
        uint64 batch = _last().number();
        requests[msg.sender] = Request({units: amountUnits, batch: batch, requestedAt: uint64(block.timestamp)});
        emit WithdrawalRequested(msg.sender, amountUnits, batch);
    }

    /// @notice Step two: pays the smaller of the request and what the account owns, which is deposits less withdrawals
    /// plus the cash of its leaf in the newest final batch, rounded down to a unit. The batch must have been proposed
    /// after the request, so that everything traded before it is in; unless the operator is silent for {escapeAfter}
    /// seconds: then everybody can leave with the last final batch. Anybody may call it; the account is paid.
    function completeWithdrawal(
        BatchHeader calldata header,
        uint32 index,
        HomeLeaf[] calldata leaf,
        bytes calldata path
    ) external {
        if (leaf.length != 1) revert NotInTree();
        BatchWord last = _last();
        uint64 newest = _newestFinal(last);
        if (header.number != newest) revert NotNewest(newest, header.number);
        _requireFinal(header, last);
        _sync(header, index, leaf, path);

        address owner_ = leaf[0].account;
        uint64 afterBatch = requests[owner_].batch;
        if (header.number <= afterBatch) {
            if (!_escapeOpen(last)) revert RequestTooNew(afterBatch, header.number);
            _close();
        }
        Account storage a = accounts[owner_];
        int256 ownedNano =
            (int256(uint256(a.depositedUnits)) - int256(uint256(a.withdrawnUnits))) * NANO_PER_UNIT + a.leaf.cash();
        _pay(owner_, ownedNano / NANO_PER_UNIT, newest);
    }

    /// @notice The way out for an account that the operator keeps out of the tree: {escapeAfter} seconds after its
    /// request it gets its deposit back, unless anybody has synced a leaf of it by then. Whoever is owed money by an
    /// account has that time to bring in its leaf.
    function withdrawUnlisted(address account_) external {
        Account storage a = accounts[account_];
        uint256 availableAt = uint256(requests[account_].requestedAt) + escapeAfter;
        if (a.leaf.batch() != 0 || block.timestamp <= availableAt) revert NotUnlisted(account_, availableAt);
        _pay(account_, int256(uint256(a.depositedUnits - a.withdrawnUnits)), 0);
    }

    // Views

    /// @notice An account as far as it is synced. Its energy is `energyWh` plus its EnergyToken balance, its money in
    /// nano is `(depositedUnits − withdrawnUnits) × 1000 + cashNano`.
    function account(address who)
        external
        view
        returns (uint64 energyWh, uint64 retiredWh, uint64 depositedUnits, uint64 withdrawnUnits, int64 cashNano)
    {
        Account storage a = accounts[who];
        return (_energyWh(a), a.leaf.retired(), a.depositedUnits, a.withdrawnUnits, a.leaf.cash());
    }

    /// @notice The rest of what is kept of an account: its newest synced batch (0 = none), lifetime credited energy,
    /// and energy taken out as tokens.
    function synced(address who) external view returns (uint64 batch, uint64 creditedWh, uint64 takenWh) {
        Account storage a = accounts[who];
        return (a.leaf.batch(), a.leaf.credited(), a.takenWh);
    }

    /// @notice The open request of an account; units 0 = none.
    function withdrawalRequest(address who)
        external
        view
        returns (uint64 units, uint64 afterBatch, uint64 requestedAt)
    {
        Request storage r = requests[who];
        return (r.units, r.batch, r.requestedAt);
    }

    /// @notice The root that the next batch must name as its parent once no window runs: that of the newest batch.
    function currentRoot() external view returns (bytes32) {
        return roots[_last().number() % ROOTS];
    }

    /// @notice The batch whose window runs at the time of the block; number 0 = none.
    function pending()
        external
        view
        returns (uint64 number, bytes32 root, uint64 settledTo, uint64 mintedWh, uint64 carryWh, uint64 finalAt)
    {
        BatchWord last = _last();
        if (_isFinal(last)) return (0, 0, 0, 0, 0, 0);
        return (
            last.number(),
            roots[last.number() % ROOTS],
            last.settledTo(),
            last.mintedWh(),
            last.carryWh(),
            uint64(last.proposedAt() + window)
        );
    }

    /// @notice The newest batch that is final at the time of the block; number 0 = none.
    function finalBatch()
        external
        view
        returns (uint64 number, bytes32 root, uint64 settledTo, uint64 mintedWh, uint64 carryWh)
    {
        BatchWord last = _last();
        uint64 newest = _newestFinal(last);
        if (newest == 0) return (0, 0, 0, 0, 0);
        BatchWord b = batches[newest % 2];
        return (newest, roots[newest % ROOTS], b.settledTo(), b.mintedWh(), b.carryWh());
    }

    /// @notice Whether leaves of the batch with this header can be claimed now.
    function isClaimable(BatchHeader calldata header) external view returns (bool) {
        return _isClaimable(header, _last());
    }

    /// @notice The root of a header on this chain and in this contract.
    function rootOf(BatchHeader calldata header) external view returns (bytes32) {
        return header.root();
    }

    /// @notice Whether a meter's leaf is in the evidence tree of a header. Says nothing about the header.
    function hasEvidence(BatchHeader calldata header, uint32 index, EvidenceLeaf calldata leaf, bytes calldata path)
        external
        pure
        returns (bool)
    {
        uint128 own = (uint128(leaf.mintedWh) << 64) | leaf.carryWh;
        (bytes32 hash, uint128 total) = SumTree.climb(SumTree.evidenceLeaf(leaf), own, index, path, false);
        return hash == header.evidenceRoot && total == (uint128(header.mintedWh) << 64) | header.carryWh;
    }

    /// @notice Who may propose now: appointed, and with its bond posted. Zero = nobody.
    function activeProposer() external view returns (address) {
        return gate.proposer;
    }

    /// @notice The most that a batch may have minted at the time of the block: Σ capacity × time since registration.
    function mintableWh() external view returns (uint64) {
        return _toWh(_headroom100Ws(gate));
    }

    /// @notice Whether everybody can leave with the last final batch, without the operator.
    function escapeOpen() external view returns (bool) {
        return _escapeOpen(_last());
    }

    // The newest batch, pending or final. Batch n and n − 1 are the two kept.
    function _last() private view returns (BatchWord) {
        BatchWord even = batches[0];
        BatchWord odd = batches[1];
        return odd.number() > even.number() ? odd : even;
    }

    function _isFinal(BatchWord last) private view returns (bool) {
        return last.number() == 0 || block.timestamp >= last.proposedAt() + window;
    }

    function _newestFinal(BatchWord last) private view returns (uint64) {
        return _isFinal(last) ? last.number() : last.number() - 1;
    }

    function _isClaimable(BatchHeader calldata header, BatchWord last) private view returns (bool) {
        return header.number <= _newestFinal(last) && roots[header.number % ROOTS] == header.root();
    }

    function _requireFinal(BatchHeader calldata header, BatchWord last) private view {
        if (!_isClaimable(header, last)) revert NotFinal(header.number);
    }

    function _escapeOpen(BatchWord last) private view returns (bool) {
        uint256 since = last.number() == 0 ? deployedAt : last.proposedAt();
        return closed || block.timestamp > since + escapeAfter;
    }

    function _sync(BatchHeader calldata header, uint32 firstIndex, HomeLeaf[] calldata leaves, bytes calldata path)
        private
    {
        (bytes32 hash, uint128 total) = SumTree.homeRange(firstIndex, leaves, path);
        // The cash of all homes sums to zero.
        if (hash != header.homeRoot || total != SumTree.sums(header.creditedWh, 0)) revert NotInTree();
        for (uint256 i = 0; i < leaves.length; i++) {
            _apply(header.number, leaves[i]);
        }
        emit Synced(header.number, firstIndex, leaves.length);
    }

    function _apply(uint64 batch, HomeLeaf calldata leaf) private {
        Account storage a = accounts[leaf.account];
        LeafWord known = a.leaf;
        uint64 knownBatch = known.batch();
        if (batch < knownBatch) return;
        LeafWord next = leafWord(leaf.creditedWh, leaf.retiredWh, leaf.cashNano, batch);
        if (batch == knownBatch) {
            if (LeafWord.unwrap(next) != LeafWord.unwrap(known)) revert ConflictingLeaf(leaf.account, batch);
            return;
        }
        if (next.credited() < known.credited() || next.retired() < known.retired()) {
            revert LeafFell(leaf.account, batch);
        }
        a.leaf = next;
    }

    function _deposit(address account_, uint64 amountUnits) private {
        if (amountUnits == 0) revert ZeroAmount();
        if (account_ == address(0)) revert ZeroAccount();
        accounts[account_].depositedUnits += amountUnits;
        emit Deposited(account_, msg.sender, amountUnits);
        stablecoin.safeTransferFrom(msg.sender, address(this), amountUnits);
    }

    function _pay(address account_, int256 ownedUnits, uint64 batch) private {
        uint64 wanted = requests[account_].units;
        if (wanted == 0) revert NothingRequested(account_);
        if (ownedUnits <= 0) revert NothingAvailable(account_);
        uint64 paid = ownedUnits < int256(uint256(wanted)) ? uint256(ownedUnits).toUint64() : wanted;
        delete requests[account_];
        accounts[account_].withdrawnUnits += paid;
        emit Withdrawn(account_, paid, batch);
        stablecoin.safeTransfer(account_, paid);
    }

    function _close() private {
        if (closed) return;
        closed = true;
        gate.proposer = address(0);
        emit Closed();
    }

    function _admit(address proposer) private {
        gate.proposer = proposer == appointed && bondWei[proposer] >= minimumBondWei ? proposer : address(0);
    }

    function _energyWh(Account storage a) private view returns (uint64) {
        // Energy may be retired off the chain that was just taken out; then nothing is left, and nothing owed.
        LeafWord leaf = a.leaf;
        uint256 gone = uint256(leaf.retired()) + a.takenWh;
        return leaf.credited() > gone ? uint64(leaf.credited() - gone) : 0;
    }

    function _headroom100Ws(Gate memory g) private view returns (int256) {
        // 32 bits of capacity times seconds, less 64 bits, stay far inside 256.
        unchecked {
            return int256(g.capacity100W * (block.timestamp - deployedAt)) - g.offset100Ws;
        }
    }

    function _toWh(int256 headroom100Ws) private pure returns (uint64) {
        return headroom100Ws <= 0 ? 0 : (uint256(headroom100Ws) / HUNDRED_WATT_SECONDS_PER_WH).toUint64();
    }
}
