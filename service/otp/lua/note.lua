-- Purpose: add what happened after a script to the history.
-- KEYS:    1 the stream.
-- ARGV:    entries, JSON.
-- Returns: how many.
-- TTL:     none: it is drained within a second, and dropped when it is empty.

for _, entry in ipairs(ARGV) do
  redis.call("XADD", KEYS[1], "MAXLEN", "~", "200000", "*", "s", entry)
end
return #ARGV
