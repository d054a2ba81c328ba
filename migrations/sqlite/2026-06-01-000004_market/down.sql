DROP TABLE account_states;
DROP TABLE journal_lines;
DROP TABLE journal_entries;
DROP TABLE home_corrections;
DROP TABLE home_results;
DROP TABLE order_rows;
DROP TABLE intervals;
DROP TABLE leases;
