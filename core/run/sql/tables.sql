-- Statements on Moonbird's own tables, in standard SQL. Words in braces are filled in from the settings and the dialect
-- (core/lua/lib/words.lua); `?` are parameters. One statement or script under each name.

-- name: version_create
CREATE TABLE {if_absent}{version} (
  version_num VARCHAR(255) NOT NULL,
  CONSTRAINT {version_pkc} PRIMARY KEY (version_num)
)

-- name: version_select
SELECT version_num FROM {version} ORDER BY version_num

-- name: version_insert
INSERT INTO {version} (version_num) VALUES (?)

-- name: version_update
UPDATE {version} SET version_num = ? WHERE version_num = ?

-- name: version_delete
DELETE FROM {version} WHERE version_num = ?

-- name: version_purge
DELETE FROM {version}

-- name: log_probe
SELECT 1 FROM {log} LIMIT 1

-- name: log_create
CREATE TABLE {if_absent}{log} (
  revision {text} NOT NULL,
  direction {text} NOT NULL,
  started_at {timestamp} NOT NULL,
  finished_at {timestamp} NOT NULL,
  duration_ms {bigint} NOT NULL,
  checksum {text},
  algorithm {text},
  applied_text {text},
  host {text} NOT NULL,
  os_user {text} NOT NULL,
  tool_version {text} NOT NULL,
  outcome {text} NOT NULL,
  message {text}
)

-- name: log_insert
INSERT INTO {log} (revision, direction, started_at, finished_at, duration_ms, checksum, algorithm, applied_text,
                   host, os_user, tool_version, outcome, message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: log_insert_offline
INSERT INTO {log} (revision, direction, started_at, finished_at, duration_ms, checksum, algorithm, applied_text,
                   host, os_user, tool_version, outcome, message)
VALUES (?, ?, {now}, {now}, 0, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: journal_create
CREATE TABLE {journal} (
  revision {text} NOT NULL,
  direction {text} NOT NULL,
  number {bigint} NOT NULL,
  kind {text} NOT NULL,
  fingerprint {text} NOT NULL,
  statement {text} NOT NULL,
  state {text} NOT NULL,
  result {bigint},
  error {text},
  committed_at {timestamp} NOT NULL,
  PRIMARY KEY (revision, direction, number)
)

-- name: journal_open
SELECT DISTINCT revision, direction FROM {journal} ORDER BY revision, direction

-- name: journal_count
SELECT count(*), count(CASE WHEN state <> 'started' THEN 1 END) FROM {journal} WHERE revision = ? AND direction = ?

-- name: journal_select
SELECT number, kind, fingerprint, statement, state, result, error FROM {journal}
WHERE revision = ? AND direction = ? AND number >= ? AND number < ? ORDER BY number

-- name: journal_insert
INSERT INTO {journal} (revision, direction, number, kind, fingerprint, statement, state, result, error, committed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: journal_update
UPDATE {journal} SET state = ?, result = ?, error = ?, committed_at = ?, fingerprint = ?, statement = ?
WHERE revision = ? AND direction = ? AND number = ?

-- name: journal_delete
DELETE FROM {journal} WHERE revision = ? AND direction = ?

-- name: journal_purge
DELETE FROM {journal}

-- name: lock_create
CREATE TABLE IF NOT EXISTS {lock} (
  name {text} NOT NULL PRIMARY KEY,
  owner {text} NOT NULL,
  host {text} NOT NULL,
  pid {bigint} NOT NULL,
  os_user {text} NOT NULL,
  since {timestamp} NOT NULL,
  lease_until {timestamp} NOT NULL
)

-- name: lock_take
UPDATE {lock} SET owner = ?, host = ?, pid = ?, os_user = ?, since = {clock}, lease_until = {later}
WHERE name = ? AND lease_until < {clock}

-- name: lock_insert
INSERT INTO {lock} (owner, host, pid, os_user, since, lease_until, name) VALUES (?, ?, ?, ?, {clock}, {later}, ?)

-- name: lock_holder
SELECT host, pid, os_user, since, lease_until FROM {lock} WHERE name = ?

-- name: lock_renew
UPDATE {lock} SET lease_until = {later} WHERE name = ? AND owner = ?

-- name: lock_release
DELETE FROM {lock} WHERE name = ? AND owner = ?
