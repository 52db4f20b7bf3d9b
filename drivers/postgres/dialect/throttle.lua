-- What a backfill is held back by on PostgreSQL: replicas, WAL that is kept, sessions that wait for us. Methods of the
-- dialect (../dialect.lua takes them in); core/lua/lib/throttle.lua calls throttle_signals, and docs/throttle.md tells
-- what each signal needs.

local throttle = {}

local mib = 1024 * 1024

throttle.throttle_defaults = {
  max_lag = 5,
  max_lag_bytes = 256 * mib,
  max_slot_wal = 4096 * mib,
  max_archive_backlog = 42,
  lock_yield = 30,
  max_blocked = 0.25,
}

throttle.throttle_read_only = { before = "BEGIN READ ONLY", after = "ROLLBACK" }

-- A position is bytes since the beginning of the log. The row without a name is this server itself, with its timeline:
-- a replica that takes over begins a new one.
local position = [[
SELECT NULL::text, (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint,
       ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint::double precision, true]]

-- A row of a logical subscription or of pg_receivewal, which may come and go, has `stays` false. A base backup is no
-- replica.
local replicas = position .. [[

UNION ALL
SELECT coalesce(nullif(r.application_name, ''), 'replica') || coalesce(' at ' || host(r.client_addr), ''),
       (r.replay_lsn - '0/0'::pg_lsn)::bigint, extract(epoch FROM r.replay_lag)::double precision,
       NOT EXISTS (SELECT 1 FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
FROM pg_stat_replication r
WHERE r.state IN ('streaming', 'catchup') AND r.replay_lsn IS NOT NULL]]

-- On a replica itself. A server that has become a writer keeps the position of replay at which it did: NULL says that
-- it is no replica any more.
local replica_position = [[
SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END,
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::double precision]]

local slots = [[
SELECT slot_name::text, (pg_current_wal_lsn() - restart_lsn)::double precision
FROM pg_replication_slots WHERE restart_lsn IS NOT NULL]]

-- Segments that are ready for the archive: exact, but not for everybody.
local ready = [[
SELECT NULL::text, count(*)::double precision FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready']]

-- Segments between the one that is being written and the last one that was archived: what pg_stat_archiver says to
-- everybody. Names of segments are timeline, then the number in two halves.
local archive = [[
SELECT NULL::text, greatest(0, floor((pg_current_wal_lsn() - '0/0'::pg_lsn) / s.size) - 1 - CASE
  WHEN a.last ~ '^[0-9A-F]{24}' THEN ('x' || substr(a.last, 9, 8))::bit(32)::bigint * (4294967296 / s.size)
                                     + ('x' || substr(a.last, 17, 8))::bit(32)::bigint
  ELSE floor((pg_current_wal_lsn() - '0/0'::pg_lsn) / s.size) - 1 END)::double precision
FROM (SELECT coalesce(last_archived_wal, last_failed_wal) AS last FROM pg_stat_archiver) a,
     (SELECT setting::bigint AS size FROM pg_settings WHERE name = 'wal_segment_size') s]]

-- Who waits for a lock that one of our batches holds, and for how long (PostgreSQL 13 does not tell: then as if for
-- long). pg_blocking_pids looks into the lock tables of all, so it is asked for those that wait only.
local waiters = [[
SELECT w.locktype = 'relation',
       coalesce(extract(epoch FROM clock_timestamp() - (to_jsonb(w) ->> 'waitstart')::timestamptz), 3600)
         ::double precision,
       'pid ' || w.pid || coalesce(', user ' || a.usename, '') || coalesce(', table ' || c.relname, '')
FROM pg_locks w
JOIN pg_stat_activity a ON a.pid = w.pid AND a.datname = current_database()
LEFT JOIN pg_class c ON c.oid = w.relation
WHERE NOT w.granted AND coalesce(a.application_name, '') NOT LIKE 'moonbird%'
  AND EXISTS (SELECT 1 FROM pg_stat_activity o
              WHERE o.pid = ANY (pg_blocking_pids(w.pid)) AND o.datname = current_database()
                AND (o.application_name = 'moonbird' OR o.application_name LIKE 'moonbird:backfill%'))
LIMIT 20]]

-- What the role may see decides before the first batch: later there is nobody to ask.
local function check_statistics(connection, explicit)
  local facts = connection:one([[
    SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS allowed,
           (SELECT count(*) FROM pg_stat_replication) AS replicas, current_user AS name]])
  local asked = explicit.max_lag or explicit.max_lag_bytes
  if not facts.allowed and (asked or facts.replicas > 0) then
    error(
      ("throttle: the role %s may not see how far replicas are behind: "):format(facts.name)
        .. ('GRANT pg_read_all_stats TO "%s", or name the replicas in `replicas`, '):format(facts.name:gsub('"', '""'))
        .. "or turn the signal off with max_lag = false and max_lag_bytes = false",
      0
    )
  end
end

local function add_replicas(signals, connection, limits, explicit)
  local is_on = limits.max_lag or limits.max_lag_bytes
  if not is_on and limits.replicas then
    return -- they need not be there
  elseif is_on and not limits.replicas then
    check_statistics(connection, explicit)
  end
  signals[#signals + 1] = {
    kind = "replicas",
    what = "replica lag",
    lag = limits.max_lag or nil,
    bytes = limits.max_lag_bytes or nil,
    sql = limits.replicas and position or replicas,
    replica_sql = replica_position,
    urls = limits.replicas,
  }
end

local function may_list_archive(connection)
  return connection:scalar([[
    SELECT coalesce(bool_or(has_function_privilege(oid, 'EXECUTE')), false)
    FROM pg_proc WHERE proname = 'pg_ls_archive_statusdir']])
end

function throttle.throttle_signals(_, connection, limits, explicit)
  local signals = {}
  add_replicas(signals, connection, limits, explicit)
  if limits.max_slot_wal ~= nil then
    signals[#signals + 1] = {
      kind = "gauge",
      name = "max_slot_wal",
      what = "WAL kept by a replication slot",
      unit = "bytes",
      limit = limits.max_slot_wal or nil,
      sql = slots,
    }
  end
  if limits.max_archive_backlog ~= nil and connection:scalar("SELECT current_setting('archive_mode')") ~= "off" then
    signals[#signals + 1] = {
      kind = "gauge",
      name = "max_archive_backlog",
      what = "WAL segments to archive",
      unit = "count",
      limit = limits.max_archive_backlog or nil,
      sql = may_list_archive(connection) and ready or archive,
    }
  end
  if limits.lock_yield ~= nil or limits.max_blocked ~= nil then
    signals[#signals + 1] = {
      kind = "waiters",
      what = "waiting sessions",
      yield = limits.lock_yield or nil,
      blocked = limits.max_blocked or nil,
      sql = waiters,
    }
  end
  return signals
end

return throttle
