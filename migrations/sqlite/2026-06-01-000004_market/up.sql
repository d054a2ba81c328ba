-- What the clearing house decided. A cleared interval is written once, in one transaction, by the
-- holder of the zone's lease, and never overwritten.
CREATE TABLE leases (
    zone       TEXT   NOT NULL PRIMARY KEY REFERENCES zones (zone),
    holder     TEXT   NOT NULL,
    -- The fencing token: grows with every taking, so that an old holder's writes fail.
    epoch      BIGINT NOT NULL CHECK (epoch >= 1),
    expires_ms BIGINT NOT NULL
);

CREATE TABLE intervals (
    zone             TEXT   NOT NULL REFERENCES zones (zone),
    start_s          BIGINT NOT NULL,
    end_s            BIGINT NOT NULL CHECK (end_s > start_s),
    state            BIGINT NOT NULL CHECK (state BETWEEN 4 AND 6),
    price            BIGINT,
    price_lo         BIGINT,
    price_hi         BIGINT,
    quantity_wh      BIGINT NOT NULL CHECK (quantity_wh >= 0),
    certificate_hash BLOB   NOT NULL CHECK (length(certificate_hash) = 32),
    rows_root        BLOB   NOT NULL CHECK (length(rows_root) = 32),
    clearing         BLOB   NOT NULL,
    journal_number   BIGINT NOT NULL CHECK (journal_number >= 1),
    content_hash     BLOB   NOT NULL CHECK (length(content_hash) = 32),
    cleared_at_ms    BIGINT NOT NULL,
    lease_epoch      BIGINT NOT NULL,
    PRIMARY KEY (zone, start_s)
);
CREATE INDEX intervals_by_state ON intervals (state, end_s);

CREATE TABLE order_rows (
    zone        TEXT   NOT NULL,
    start_s     BIGINT NOT NULL,
    place       BIGINT NOT NULL CHECK (place >= 0),
    order_id    BLOB   NOT NULL CHECK (length(order_id) = 16),
    home        BIGINT NOT NULL,
    side        BIGINT NOT NULL CHECK (side IN (0, 1)),
    quantity_wh BIGINT NOT NULL CHECK (quantity_wh >= 0),
    price       BIGINT NOT NULL,
    fill_wh     BIGINT NOT NULL CHECK (fill_wh BETWEEN 0 AND quantity_wh),
    bytes       BLOB   NOT NULL,
    PRIMARY KEY (zone, start_s, place),
    UNIQUE (zone, start_s, order_id),
    FOREIGN KEY (zone, start_s) REFERENCES intervals (zone, start_s)
);

-- One row per home and interval, as it was cleared.
CREATE TABLE home_results (
    zone             TEXT   NOT NULL,
    start_s          BIGINT NOT NULL,
    home             BIGINT NOT NULL,
    import_wh        BIGINT CHECK (import_wh >= 0),
    export_wh        BIGINT CHECK (export_wh >= 0),
    bought_wh        BIGINT NOT NULL CHECK (bought_wh >= 0),
    sold_wh          BIGINT NOT NULL CHECK (sold_wh >= 0),
    cash             BIGINT NOT NULL,
    utility_bill     BIGINT NOT NULL,
    without_market   BIGINT NOT NULL,
    verified_wh      BIGINT NOT NULL CHECK (verified_wh >= 0),
    -- The reading that closes the interval: what the home's evidence leaf names.
    closing_sequence BIGINT CHECK (closing_sequence >= 0),
    closing_hash     BLOB CHECK (length(closing_hash) = 32),
    detail           TEXT   NOT NULL,
    CHECK ((closing_sequence IS NULL) = (closing_hash IS NULL)),
    PRIMARY KEY (zone, start_s, home),
    FOREIGN KEY (zone, start_s) REFERENCES intervals (zone, start_s)
);
CREATE INDEX home_results_of_home ON home_results (home, start_s);

-- Late and corrected data: differences beside what was cleared, never instead of it.
CREATE TABLE home_corrections (
    zone    TEXT   NOT NULL,
    start_s BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 2),
    home    BIGINT NOT NULL,
    import_difference_wh BIGINT NOT NULL,
    export_difference_wh BIGINT NOT NULL,
    detail  TEXT   NOT NULL,
    PRIMARY KEY (zone, start_s, version),
    FOREIGN KEY (zone, start_s) REFERENCES intervals (zone, start_s)
);
CREATE INDEX home_corrections_of_home ON home_corrections (home, start_s, version);

CREATE TABLE journal_entries (
    zone     TEXT   NOT NULL,
    -- Counts the zone's entries from 1 without gaps.
    number   BIGINT NOT NULL CHECK (number >= 1),
    start_s  BIGINT NOT NULL,
    version  BIGINT NOT NULL CHECK (version >= 1),
    hash     BLOB   NOT NULL UNIQUE CHECK (length(hash) = 32),
    previous BLOB   NOT NULL CHECK (length(previous) = 32),
    PRIMARY KEY (zone, number)
);
CREATE UNIQUE INDEX journal_entries_of_interval ON journal_entries (zone, start_s, version);

CREATE TABLE journal_lines (
    zone    TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    line    BIGINT NOT NULL CHECK (line >= 0),
    account BIGINT NOT NULL,
    asset   BIGINT NOT NULL CHECK (asset >= 0),
    kind    BIGINT NOT NULL CHECK (kind >= 0),
    amount  BIGINT NOT NULL,
    PRIMARY KEY (zone, number, line),
    FOREIGN KEY (zone, number) REFERENCES journal_entries (zone, number)
);
CREATE INDEX journal_lines_of_account ON journal_lines (account, zone, asset, number);

-- What every account holds after a journal entry: the whole ledger, one row per account.
CREATE TABLE account_states (
    zone        TEXT   NOT NULL,
    account     BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    verified_wh BIGINT NOT NULL CHECK (verified_wh >= 0),
    carry_wh    BIGINT NOT NULL CHECK (carry_wh >= 0),
    credited_wh BIGINT NOT NULL CHECK (credited_wh >= 0),
    retired_wh  BIGINT NOT NULL CHECK (retired_wh >= 0),
    cash        BIGINT NOT NULL,
    PRIMARY KEY (zone, number, account),
    FOREIGN KEY (zone, number) REFERENCES journal_entries (zone, number)
);
