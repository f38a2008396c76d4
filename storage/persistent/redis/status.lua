-- How many tasks stand where, and the settings. Returns {total, todo, leased, done, aborted,
-- exhausted, tried, tries, max_tries, backoff_first, backoff_factor, backoff_longest}.
begin_reading()
return redis.call('HMGET', meta, 'total', 'todo', 'leased', 'done', 'aborted', 'exhausted',
  'tried', 'tries', 'max_tries', 'backoff_first', 'backoff_factor', 'backoff_longest')
