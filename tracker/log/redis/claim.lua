-- Take over what former owners of a shard read but did not commit, one chunk a call.
-- KEYS: stream, lease, counts. ARGV: lease value, group, consumer, cursor ('0-0' first), chunk size.
-- Returns {next cursor, the group's last delivered id, identity, the stream's last id, records lost}; the work is done
-- at cursor '0-0'. Returns 0 if the lease is lost.
local stream, lease, counts = KEYS[1], KEYS[2], KEYS[3]
if redis.call('GET', lease) ~= ARGV[1] then
  return 0
end
-- No idle time is asked for: the lease says that no former owner may go on.
local cursor = redis.call('XAUTOCLAIM', stream, ARGV[2], ARGV[3], 0, ARGV[4], 'COUNT', ARGV[5], 'JUSTID')[1]
local id = identity(stream, counts)
if cursor ~= '0-0' then
  return {cursor, '0-0', id, '0-0', 0}
end

for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream, ARGV[2])) do
  local consumer = fields(flat)
  if consumer.name ~= ARGV[3] and consumer.pending == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, ARGV[2], consumer.name)
  end
end
local group
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local info = fields(flat)
  if info.name == ARGV[2] then group = info end
end

local function before(one, other)
  local ms, seq = string.match(one, '(%d+)-(%d+)')
  local other_ms, other_seq = string.match(other, '(%d+)-(%d+)')
  ms, seq, other_ms, other_seq = tonumber(ms), tonumber(seq), tonumber(other_ms), tonumber(other_seq)
  return ms < other_ms or (ms == other_ms and seq < other_seq)
end

-- Records that somebody removed before the group was done with them: they wait no more, and are lost.
local info, gone = examined(stream, counts)
local name, lost = 'group:' .. ARGV[2], 0
if gone > 0 then
  local added, done = info['entries-added'], tonumber(redis.call('HGET', counts, name)) or 0
  local unread = group.lag or (added - done - group.pending - gone)  -- Redis may not know the lag: then at most
  local first = info['first-entry'] and info['first-entry'][1]
  if not first or before(group['last-delivered-id'], first) then
    unread = info.length  -- the lag still counts what was cut off
  end
  lost = math.max(0, added - done - group.pending - math.max(0, unread))
  redis.call('HINCRBY', counts, 'trimmed', gone)
  redis.call('HINCRBY', counts, name, lost)
end
return {cursor, group['last-delivered-id'], id, info['last-generated-id'], lost}
