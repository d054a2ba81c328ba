-- One-time invitations for gateways. Only the token's hash is kept.
CREATE TABLE enrolments (
    token_hash BLOB   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    home       BIGINT NOT NULL REFERENCES homes (home),
    role       BIGINT NOT NULL CHECK (role BETWEEN 0 AND 2),
    profile    TEXT   NOT NULL,
    expires_s  BIGINT NOT NULL,
    -- Set together when it is used: who came, and with which key.
    gateway    BLOB   CHECK (length(gateway) = 16),
    public_key BLOB   CHECK (length(public_key) = 32),
    CHECK ((gateway IS NULL) = (public_key IS NULL))
);
