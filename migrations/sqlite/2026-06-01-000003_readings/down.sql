DROP TABLE rejected_messages;
DROP TABLE equivocations;
DROP TABLE refused_readings;
DROP TABLE readings;
DROP TABLE reading_batches;
