-- Purpose: how many other registrations came from each place within an hour and within a day.
-- KEYS:    1 the operator's mark that its counters are whole; then the places' sets.
-- ARGV:    1 now_us (0: the server's clock); 2 name of the registration that asks; 3 hour, µs; 4 day, µs.
-- Returns: {} where the counters are not whole: lost, and not counted again yet. Else two counts for each set.
-- TTL:     nothing is written.

if redis.call("EXISTS", KEYS[1]) == 0 then
  return {}
end
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call("TIME")
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local found = { 1 }
for n = 2, #KEYS do
  local own = tonumber(redis.call("ZSCORE", KEYS[n], ARGV[2]) or "-inf")
  for _, span in ipairs({ tonumber(ARGV[3]), tonumber(ARGV[4]) }) do
    local since = now - span
    local count = redis.call("ZCOUNT", KEYS[n], string.format("(%.0f", since), string.format("%.0f", now))
    if own > since and own <= now then
      count = count - 1
    end
    found[#found + 1] = count
  end
end
return found
