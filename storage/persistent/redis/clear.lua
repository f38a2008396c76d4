-- Removes all tasks: from here on no script finds them. tidy.lua gives back their memory.
begin_changes()
for _, owner in ipairs(redis.call('SMEMBERS', owners)) do
  redis.call('UNLINK', leases_key(owner))
end
redis.call('UNLINK', ids, queues.todo, queues.aborted, queues.exhausted)
redis.call('HSET', meta, 'first_task', last.task + 1)
for _, name in ipairs({'total', 'todo', 'leased', 'done', 'aborted', 'exhausted', 'tried',
  'tries'}) do
  count(name, -redis.call('HGET', meta, name))
end
end_changes()
