DROP TABLE final_roots;
DROP TABLE chain_cursors;
DROP TABLE escrow_events;
DROP TABLE settlement_batches;
DROP TABLE transactions;
DROP TABLE contracts;
