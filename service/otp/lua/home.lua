-- What the otp scripts share; law.lua stands above it, one script below it.
--
-- A registration's codes live in one HASH, its *home*:
--   newest             the target of the newest challenge: line | contact
--   <to>.id            challenge id          <to>.state    live | used | withdrawn
--   <to>.digest        "key id:hex"          <to>.left     comparisons left (0: exhausted)
--   <to>.expires       µs                    <to>.again    µs, from when another may be sent
--   <to>.purpose       word                  <to>.number   keyed hash of the number
--   <to>.until         µs, end of the registration    <to>.of   comparisons in all
--   <to>.proof.id, .at, .tries, .claim                a right answer that is not yet recorded elsewhere
-- A new challenge takes its target's place, so what was superseded is simply not found.

-- The home among the names under each enabled key, newest key first. Processes one step of a key rotation
-- apart name it differently; whichever exists is meant.
local function home_of(count)
  for i = 1, count do
    if redis.call("EXISTS", KEYS[i]) == 1 then
      return KEYS[i]
    end
  end
  return KEYS[1]
end

-- A home lives at least so long, in µs; never shorter than another need has already set.
local function keep(home, micros)
  local wanted = math.ceil(micros / 1000)
  if redis.call("PTTL", home) < wanted then
    redis.call("PEXPIRE", home, string.format("%.0f", wanted))
  end
end

-- Equal, in a time that depends on lengths alone.
local function same(one, other)
  if #one ~= #other then
    return false
  end
  local differs = 0
  for i = 1, #one do
    differs = bit.bor(differs, bit.bxor(string.byte(one, i), string.byte(other, i)))
  end
  return differs == 0
end

-- The target whose newest challenge this is, or nil.
local function target_of(home, challenge)
  for _, to in ipairs({ "line", "contact" }) do
    if redis.call("HGET", home, to .. ".id") == challenge then
      return to
    end
  end
  return nil
end
