-- Who and what is known: zones, homes, gateways, meters, log-ins.
-- Everywhere: BIGINT for numbers, times and codes, BLOB for ids and hashes, TEXT for the rest.
CREATE TABLE zones (
    zone  TEXT NOT NULL PRIMARY KEY CHECK (length(zone) BETWEEN 1 AND 32),
    rules TEXT NOT NULL
);

CREATE TABLE zone_documents (
    hash         BLOB   NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    zone         TEXT   NOT NULL REFERENCES zones (zone),
    valid_from_s BIGINT NOT NULL,
    document     BLOB   NOT NULL,
    UNIQUE (zone, valid_from_s)
);

CREATE TABLE homes (
    home               BIGINT NOT NULL PRIMARY KEY CHECK (home >= 1),
    zone               TEXT   NOT NULL REFERENCES zones (zone),
    name               TEXT   NOT NULL,
    address            BLOB   NOT NULL UNIQUE CHECK (length(address) = 20),
    preference         TEXT   NOT NULL,
    preference_version BIGINT NOT NULL CHECK (preference_version >= 1),
    has_battery        BIGINT NOT NULL CHECK (has_battery IN (0, 1)),
    has_generation     BIGINT NOT NULL CHECK (has_generation IN (0, 1))
);
CREATE INDEX homes_of_zone ON homes (zone, home);

CREATE TABLE gateways (
    gateway    BLOB NOT NULL PRIMARY KEY CHECK (length(gateway) = 16),
    zone       TEXT NOT NULL REFERENCES zones (zone),
    name       TEXT NOT NULL,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32)
);

CREATE TABLE meters (
    meter       BLOB   NOT NULL PRIMARY KEY CHECK (length(meter) = 16),
    home        BIGINT NOT NULL REFERENCES homes (home),
    gateway     BLOB   NOT NULL REFERENCES gateways (gateway),
    role        BIGINT NOT NULL CHECK (role BETWEEN 0 AND 2),
    profile     TEXT   NOT NULL,
    power_w_max BIGINT NOT NULL CHECK (power_w_max >= 0),
    frozen      BIGINT NOT NULL CHECK (frozen IN (0, 1))
);
-- A home has exactly one connection-point meter that settles (role 0).
CREATE UNIQUE INDEX connection_meter_of_home ON meters (home) WHERE role = 0;
CREATE INDEX meters_of_home ON meters (home, role);

CREATE TABLE users (
    login         TEXT   NOT NULL PRIMARY KEY,
    password_hash TEXT   NOT NULL,
    role          BIGINT NOT NULL CHECK (role BETWEEN 0 AND 2),
    home          BIGINT REFERENCES homes (home),
    -- A household log-in belongs to a home, the others to none.
    CHECK ((role = 0) = (home IS NOT NULL))
);

CREATE TABLE sessions (
    token_hash BLOB   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    login      TEXT   NOT NULL REFERENCES users (login),
    expires_s  BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_s);
