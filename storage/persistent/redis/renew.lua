-- Makes claims last, those of tasks that were taken back too, if nobody else has claimed them.
-- ARGV: owner, how long it is taken for alive (ms), for how long from now (ms), then key and token
-- of each.
-- Returns the positions, from 0, of those that are lost.
begin_changes()
local owner, till = ARGV[1], now_us() + ARGV[3] * 1000
redis.call('SET', owner_key(owner), 1, 'PX', ARGV[2])
redis.call('SADD', owners, owner)

local lost = {}
for i = 4, #ARGV, 2 do
  local task = find_task(ARGV[i])
  if task and task.token == ARGV[i + 1] and task.settled == '' then
    lease(task, owner, till)
  else
    table.insert(lost, (i - 4) / 2)
  end
end
end_changes()
return lost
