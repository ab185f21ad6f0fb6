-- Purpose: a proof is recorded elsewhere (settle), or could not be and anyone may now try (release).
-- KEYS:    1..n the home under each enabled key, primary first.
-- ARGV:    1 n; 2 challenge; 3 settle | release.
-- Returns: 1 if that proof was waiting, else 0.
-- TTL:     unchanged. Settling drops the proof and the winning digest: nothing is left to adopt.

local home = home_of(tonumber(ARGV[1]))
for _, to in ipairs({ "l", "c", "n" }) do
  if redis.call("HGET", home, to .. ".proof.id") == ARGV[2] then
    if ARGV[3] == "release" then
      redis.call("HSET", home, to .. ".proof.claim", "0")
      return 1
    end
    for _, name in ipairs({ "id", "at", "tries", "claim" }) do
      redis.call("HDEL", home, to .. ".proof." .. name)
    end
    if redis.call("HGET", home, to .. ".id") == ARGV[2] then
      redis.call("HDEL", home, to .. ".digest")
    end
    return 1
  end
end
return 0
