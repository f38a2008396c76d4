-- Makes the tracker, or looks at what is there.
-- ARGV: format, create (1/0), may_write (1/0), max_tries, backoff_first, _factor, _longest ('': as
-- kept, or as in a new one).
-- Returns the format that is kept (nothing: there is no tracker).
local format, create, may_write = ARGV[1], ARGV[2] == '1', ARGV[3] == '1'
local kept = redis.call('HGET', meta, 'format')
if not kept and create then
  redis.call('HSET', meta, 'format', format, 'max_tries', 0, 'backoff_first', 0,
    'backoff_factor', 2, 'backoff_longest', 3600000, 'last_task', 0, 'last_version', 0,
    'last_token', 0, 'changes', 0, 'first_task', 1, 'swept_to', 1, 'total', 0, 'todo', 0,
    'leased', 0, 'done', 0, 'aborted', 0, 'exhausted', 0, 'tried', 0, 'tries', 0)
  kept = format
end
if kept ~= format or not may_write then return kept end

local max_tries = redis.call('HGET', meta, 'max_tries')
if ARGV[4] ~= '' and ARGV[4] ~= max_tries then
  -- tidy.lua puts each task where it belongs now.
  redis.call('HSET', meta, 'max_tries', ARGV[4])
  redis.call('HSET', meta, 'refit_from', redis.call('HGET', meta, 'first_task'))
end
if ARGV[5] ~= '' then
  redis.call('HSET', meta, 'backoff_first', ARGV[5], 'backoff_factor', ARGV[6],
    'backoff_longest', ARGV[7])
end
return kept
