DROP TABLE sessions;
DROP TABLE users;
DROP TABLE meters;
DROP TABLE gateways;
DROP TABLE homes;
DROP TABLE zone_documents;
DROP TABLE zones;
