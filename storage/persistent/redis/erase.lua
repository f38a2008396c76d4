-- Removes a task. ARGV: its key. Returns 1 if it was there.
begin_changes()
local task = find_task(ARGV[1])
if not task then return 0 end
leave(task)
set_tries(task, 0)
count('total', -1)
redis.call('HDEL', ids, ARGV[1])
redis.call('UNLINK', task_key(task.id))
end_changes()
return 1
