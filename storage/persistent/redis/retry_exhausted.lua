-- Exhausted tasks back to todo, with no tries. ARGV: how many at most. Returns how many.
begin_changes()
local retried = redis.call('ZRANGE', queues.exhausted, 0, ARGV[1] - 1)
for _, id in ipairs(retried) do
  local task = load_task(id)
  leave(task)
  set_tries(task, 0)
  enter_open(task)
end
end_changes()
return #retried
