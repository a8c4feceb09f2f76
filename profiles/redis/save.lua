-- Save profiles and aliases, each only if its version is still the expected one.
-- KEYS: their keys (on a cluster: one key). ARGV: seconds to live, then for each key its expected version
-- ("" for none) and its value, which begins with the new version. Returns 1 or 0 for each.
local saved = {}
for index, key in ipairs(KEYS) do
  if redis.call('GETRANGE', key, 0, 7) == ARGV[2 * index] then
    redis.call('SET', key, ARGV[2 * index + 1], 'EX', ARGV[1])
    saved[index] = 1
  else
    saved[index] = 0
  end
end
return saved
