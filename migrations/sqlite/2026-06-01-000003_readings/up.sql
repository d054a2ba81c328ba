-- What gateways sent. Batches and readings are kept as they were signed; the columns beside the
-- signed bytes only make them findable.
CREATE TABLE reading_batches (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    gateway       BLOB    NOT NULL CHECK (length(gateway) = 16),
    sequence      BIGINT  NOT NULL CHECK (sequence >= 0),
    hash          BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    previous      BLOB    NOT NULL CHECK (length(previous) = 32),
    signed        BLOB    NOT NULL,
    zone_document BLOB    NOT NULL CHECK (length(zone_document) = 32),
    received_ms   BIGINT  NOT NULL,
    -- 1 when every predecessor down to the start of the chain is kept as well.
    complete      BIGINT  NOT NULL CHECK (complete IN (0, 1))
);
CREATE INDEX batches_by_sequence ON reading_batches (gateway, complete, sequence);
CREATE INDEX batches_by_previous ON reading_batches (gateway, previous);

CREATE TABLE readings (
    meter         BLOB    NOT NULL CHECK (length(meter) = 16),
    sequence      BIGINT  NOT NULL CHECK (sequence >= 0),
    time_ms       BIGINT  NOT NULL CHECK (time_ms >= 0),
    import_wh     BIGINT  CHECK (import_wh >= 0),
    export_wh     BIGINT  CHECK (export_wh >= 0),
    pv_wh         BIGINT  CHECK (pv_wh >= 0),
    power_w       BIGINT,
    soc_permille  BIGINT  CHECK (soc_permille BETWEEN 0 AND 1000),
    voltage_mv    BIGINT,
    hash          BLOB    NOT NULL CHECK (length(hash) = 32),
    previous      BLOB    NOT NULL CHECK (length(previous) = 32),
    batch         INTEGER NOT NULL REFERENCES reading_batches (id),
    place         BIGINT  NOT NULL CHECK (place >= 0),
    bytes         BLOB    NOT NULL,
    PRIMARY KEY (meter, sequence)
);
CREATE INDEX readings_by_time ON readings (meter, time_ms, sequence);
CREATE INDEX readings_of_batch ON readings (batch, place);

-- Authentic readings that were not accepted; they belong to their batch all the same. No reason: the
-- same reading is kept already, with an earlier batch.
CREATE TABLE refused_readings (
    batch    INTEGER NOT NULL REFERENCES reading_batches (id),
    place    BIGINT  NOT NULL CHECK (place >= 0),
    meter    BLOB    NOT NULL CHECK (length(meter) = 16),
    sequence BIGINT  NOT NULL CHECK (sequence >= 0),
    time_ms  BIGINT  NOT NULL,
    reason   BIGINT  CHECK (reason >= 0),
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    bytes    BLOB    NOT NULL,
    PRIMARY KEY (batch, place)
);
CREATE INDEX refused_by_meter ON refused_readings (meter, sequence);

-- Two different readings for one (meter, sequence): the evidence that froze the meter.
CREATE TABLE equivocations (
    meter       BLOB   NOT NULL CHECK (length(meter) = 16),
    sequence    BIGINT NOT NULL,
    first_hash  BLOB   NOT NULL CHECK (length(first_hash) = 32),
    second_hash BLOB   NOT NULL CHECK (length(second_hash) = 32),
    found_ms    BIGINT NOT NULL,
    PRIMARY KEY (meter, sequence, second_hash)
);

-- Messages that were not authentic. Bounded: the oldest make room.
CREATE TABLE rejected_messages (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    hash        BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    received_ms BIGINT  NOT NULL,
    source      TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    bytes       BLOB    NOT NULL
);
