//! What can be wrong with a clearing or an outcome.

use energy_core::OrderId;

/// What is wrong with a clearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Not the certificate of an optimum.
    #[error("expected a certificate of the optimum, got one of feasibility only")]
    Kind,
    /// An order stands twice in the book.
    #[error("order {order} stands twice in the book")]
    DuplicateOrder {
        /// Which.
        order: OrderId,
    },
    /// Not one fill for each order, by id.
    #[error(
        "expected one fill for each order of the book in the order of ids, got another list of fills"
    )]
    Fills,
    /// The certificate is for another book.
    #[error("the certificate names another book than this one")]
    BookHash,
    /// More than was offered or wanted.
    #[error("order {order} is filled beyond its quantity")]
    Quantity {
        /// Which.
        order: OrderId,
    },
    /// A buyer would pay more, or a seller get less, than the limit says.
    #[error("order {order} is filled beyond its limit")]
    Limit {
        /// Which.
        order: OrderId,
    },
    /// Bought, sold and certified quantity differ.
    #[error("expected bought = sold = certified Wh, got {bought}, {sold} and {certified}")]
    Balance {
        /// Σ fills of bids.
        bought: u128,
        /// Σ fills of asks.
        sold: u128,
        /// The certificate's quantity.
        certified: u128,
    },
    /// The welfare of the fills is not what the certificate says.
    #[error("expected the welfare {expected}, got {got} in the certificate")]
    Primal {
        /// From the book and the fills.
        expected: i128,
        /// From the certificate.
        got: i128,
    },
    /// The dual value at the price is not what the certificate says.
    #[error("expected the dual value {expected}, got {got} in the certificate")]
    Dual {
        /// From the book and the price.
        expected: i128,
        /// From the certificate.
        got: i128,
    },
    /// Another clearing has more welfare, or these fills do not go with this price.
    #[error(
        "welfare {primal} and dual value {dual} differ: the clearing is not optimal at its price"
    )]
    NotOptimal {
        /// Welfare of the fills.
        primal: i128,
        /// The least upper bound that the price proves.
        dual: i128,
    },
    /// More could trade at no loss of welfare.
    #[error(
        "a bid and an ask at one price are both left unfilled: the quantity is not the largest"
    )]
    NotLargest,
    /// Not the interval of valid prices.
    #[error("the stated interval of valid prices is not that of the book")]
    PriceInterval,
    /// Not the price of the rule, or a price without trade.
    #[error("the clearing price is not the one that the rule gives")]
    Price,
    /// Equal orders are not treated alike.
    #[error("the tied margin is not shared by the rule at order {order}")]
    Tie {
        /// Which.
        order: OrderId,
    },
    /// Not one amount for each fill.
    #[error("expected one amount for each of {fills} fills, got {amounts}")]
    Amounts {
        /// How many fills there are.
        fills: usize,
        /// How many amounts came.
        amounts: usize,
    },
    /// Money for nothing.
    #[error("order {order} pays or receives money though nothing of it is filled")]
    Idle {
        /// Which.
        order: OrderId,
    },
    /// The buyers' money is not what the sellers and the zone get.
    #[error("expected paid = received + surplus, got {paid}, {received} and {surplus}")]
    Money {
        /// What the buyers pay, 10⁻⁹ currency.
        paid: i128,
        /// What the sellers receive.
        received: i128,
        /// What the zone is said to keep.
        surplus: i128,
    },
    /// The zone would pay, or keep what its mechanism does not keep.
    #[error("expected no surplus, or one that the mechanism may keep, got {surplus}")]
    Surplus {
        /// What the zone is said to keep, 10⁻⁹ currency.
        surplus: i128,
    },
    /// An optimum is claimed that the mechanism does not promise, or the other way round.
    #[error("expected the kind of certificate that the mechanism carries, got the other one")]
    OtherKind,
    /// A sum leaves 128 bits.
    #[error("a sum leaves 128 bits")]
    Overflow,
}
