-- One row per fact about this store: its epoch, the grid clock, the parameters it was made with.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
