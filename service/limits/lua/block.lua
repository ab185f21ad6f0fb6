-- Purpose: set a block, or lengthen the one that is there.
-- KEYS:    1 the block.
-- ARGV:    1 until, µs; 2 life, ms.
-- Returns: 1 if it is set, 0 if a longer one was there.
-- TTL:     ARGV[2]: as long as it holds.

if tonumber(redis.call("GET", KEYS[1]) or 0) >= tonumber(ARGV[1]) then
  return 0
end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
