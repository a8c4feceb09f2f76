-- Take over what former owners of a shard read but did not commit, one chunk a call.
-- KEYS: stream, lease. ARGV: lease value, group, consumer, cursor ('0-0' first), chunk size.
-- Returns {next cursor, the group's last delivered id}; the work is done at cursor '0-0'. Returns 0 if the lease is lost.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
-- No idle time is asked for: the lease says that no former owner may go on.
local cursor = redis.call('XAUTOCLAIM', KEYS[1], ARGV[2], ARGV[3], 0, ARGV[4], 'COUNT', ARGV[5], 'JUSTID')[1]

local function fields(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

if cursor == '0-0' then
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[2])) do
    local consumer = fields(flat)
    if consumer.name ~= ARGV[3] and consumer.pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[2], consumer.name)
    end
  end
end
local delivered = '0-0'
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = fields(flat)
  if group.name == ARGV[2] then delivered = group['last-delivered-id'] end
end
return {cursor, delivered}
