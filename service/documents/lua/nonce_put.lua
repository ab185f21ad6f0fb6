-- Purpose: the open challenge of a registration, for a chip to sign; a newer one takes the place of an older.
-- KEYS:    1 the registration's challenge.
-- ARGV:    1 the challenge; 2 life, ms.
-- Returns: 1.
-- TTL:     the time to hold a document to a phone.

redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
