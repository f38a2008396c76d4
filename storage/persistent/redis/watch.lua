-- What somebody who waits has to know.
-- Returns {number of changes, milliseconds until a task is ready, a lease ends or a death may show
-- (-1: none of these)}.
begin_reading()
local now = now_us()
local soonest = math.huge -- ms

local function consider(first)
  if first[2] then soonest = math.min(soonest, math.ceil((first[2] - now) / 1000)) end
end

consider(redis.call('ZRANGE', queues.todo, 0, 0, 'WITHSCORES'))
for _, owner in ipairs(redis.call('SMEMBERS', owners)) do
  local first = redis.call('ZRANGE', leases_key(owner), 0, 0, 'WITHSCORES')
  consider(first)
  if first[1] then
    soonest = math.min(soonest, math.max(0, redis.call('PTTL', owner_key(owner))))
  end
end

if soonest == math.huge then soonest = -1 else soonest = math.max(0, soonest) end
return {tonumber(redis.call('HGET', meta, 'changes')), soonest}
