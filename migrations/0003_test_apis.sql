-- APIs whose data is made for tests: `claviger check-api` mints bad tokens for them, and for no others.

-- When the API was marked; NULL for all others.
ALTER TABLE apis ADD COLUMN test_since BIGINT;
