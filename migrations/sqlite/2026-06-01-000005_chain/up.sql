-- What goes on the chain and comes from it.
CREATE TABLE contracts (
    name         TEXT   NOT NULL PRIMARY KEY,
    chain_id     BIGINT NOT NULL CHECK (chain_id >= 0),
    address      BLOB   NOT NULL CHECK (length(address) = 20),
    deployer     BLOB   NOT NULL CHECK (length(deployer) = 20),
    deploy_nonce BIGINT NOT NULL CHECK (deploy_nonce >= 0),
    block        BIGINT NOT NULL CHECK (block >= 0)
);

-- A transaction is signed once, kept before it is sent, and sent again with the same bytes.
CREATE TABLE transactions (
    sender  BLOB   NOT NULL CHECK (length(sender) = 20),
    nonce   BIGINT NOT NULL CHECK (nonce >= 0),
    purpose TEXT   NOT NULL UNIQUE,
    raw     BLOB   NOT NULL,
    hash    BLOB   NOT NULL UNIQUE CHECK (length(hash) = 32),
    state   BIGINT NOT NULL CHECK (state BETWEEN 0 AND 4),
    block   BIGINT CHECK (block >= 0),
    error   TEXT,
    PRIMARY KEY (sender, nonce)
);
CREATE INDEX transactions_by_state ON transactions (state, sender, nonce);

CREATE TABLE settlement_batches (
    number          BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
    settled_to_s    BIGINT NOT NULL,
    root            BLOB   NOT NULL UNIQUE CHECK (length(root) = 32),
    parent_root     BLOB   NOT NULL CHECK (length(parent_root) = 32),
    header          BLOB   NOT NULL,
    home_leaves     BLOB   NOT NULL,
    evidence_leaves BLOB   NOT NULL,
    market_leaves   BLOB   NOT NULL,
    credited_wh     BIGINT NOT NULL CHECK (credited_wh >= 0),
    minted_wh       BIGINT NOT NULL CHECK (minted_wh >= 0),
    carry_wh        BIGINT NOT NULL CHECK (carry_wh >= 0),
    -- Per zone the number of the last journal entry that the leaves contain, as JSON.
    journal_through TEXT   NOT NULL,
    state           BIGINT NOT NULL CHECK (state BETWEEN 0 AND 3),
    tx_hash         BLOB   CHECK (length(tx_hash) = 32),
    final_at_s      BIGINT
);
-- At most one root is pending (state 1).
CREATE UNIQUE INDEX one_pending_batch ON settlement_batches (state) WHERE state = 1;
CREATE INDEX batches_by_end ON settlement_batches (settled_to_s);

CREATE TABLE escrow_events (
    block     BIGINT NOT NULL CHECK (block >= 0),
    log_index BIGINT NOT NULL CHECK (log_index >= 0),
    tx_hash   BLOB   NOT NULL CHECK (length(tx_hash) = 32),
    address   BLOB   NOT NULL CHECK (length(address) = 20),
    kind      BIGINT NOT NULL CHECK (kind BETWEEN 0 AND 2),
    units     BIGINT NOT NULL CHECK (units >= 0),
    PRIMARY KEY (block, log_index)
);
CREATE INDEX escrow_events_of_address ON escrow_events (address, block);

-- How far the chain's events have been read.
CREATE TABLE chain_cursors (
    name       TEXT   NOT NULL PRIMARY KEY,
    block      BIGINT NOT NULL CHECK (block >= 0),
    block_hash BLOB   NOT NULL CHECK (length(block_hash) = 32)
);

-- Roots that the chain itself calls final.
CREATE TABLE final_roots (
    number       BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
    root         BLOB   NOT NULL UNIQUE CHECK (length(root) = 32),
    settled_to_s BIGINT NOT NULL,
    block        BIGINT NOT NULL CHECK (block >= 0)
);
