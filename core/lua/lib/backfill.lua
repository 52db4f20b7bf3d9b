-- backfill.lua: op.backfill. Hands the definition of a backfill to the engine (core/backfill), inside a revision as one
-- statement of the journal, or for `backfill run`.

local autocommit = require("moonbird.autocommit")
local check = require("moonbird.check")
local definition_of = require("moonbird.backfill_definition")
local file = require("moonbird.backfill_file")
local host = require("moonbird.host")
local offline = require("moonbird.offline")
local op = require("moonbird.op")
local spec_of = require("moonbird.backfill_spec")
local settings = require("moonbird.settings")
local statement = require("moonbird.statement")

local backfill = {}

local function fail(message, ...)
  error("op.backfill: " .. message:format(...), 0)
end

-- What makes a backfill another one: table, key, columns, rows and what is done; not its size.
local function fingerprint(spec)
  local parts = { "backfill", spec.table, spec.schema or "", table.concat(spec.key or {}, ",") }
  parts[#parts + 1] = table.concat(spec.columns or {}, ",")
  parts[#parts + 1] = spec.where or ""
  if spec.recipe then
    parts[#parts + 1] = spec.recipe
  elseif spec.set then
    for _, name in ipairs(check.sorted_keys(spec.set)) do
      parts[#parts + 1] = name .. "=" .. host.dialect:literal(spec.set[name])
    end
  else
    parts[#parts + 1] = statement.function_text(spec.row or spec.batch)
  end
  return table.concat(parts, "\0")
end

local function what_is_done(spec)
  if spec.recipe then
    return "backfill." .. spec.recipe:match("^[%a_]+")
  end
  return spec.set and "set" or spec.form .. " " .. statement.function_place(spec.row or spec.batch)
end

local function shown(spec)
  return ("backfill %s (%s)"):format(host.dialect:table_name(spec.table, spec.schema), what_is_done(spec))
end

local function has_tables()
  return host.dialect:has_table(host.connection, "moonbird_backfill", host.version_table_schema)
end

-- --- named ones ---

--- For `backfill run`: the definition of a named backfill, the text that its fingerprint is taken of, and whether the
--- state tables are there.
function backfill.open_named(name, time, seed)
  local spec = file.load(name, time, seed)
  return file.protect(spec, definition_of.make, spec, name), file.protect(spec, fingerprint, spec), has_tables()
end

--- For `backfill plan`: what the file says, the definition, the table's description and its columns by name.
function backfill.look_named(name)
  local spec = file.load(name, os.time(), 0)
  return spec, file.protect(spec, definition_of.make, spec, name)
end

-- --- inside a revision ---

-- The code is another one than that of the interrupted run. Nothing is lost where no batch of it was committed; else
-- only the user knows whether rows of both may stand side by side.
local function accept_change(entry, name)
  local begun = host.backfill_has_begun(name)
  if begun and not host.accepts_code_change() then
    host.statement_refuse(entry)
  end
  host.statement_accept(entry)
  return begun and "resume" or "run"
end

local function run(spec, name, deferred)
  if host.savepoint_depth() > 0 then
    fail("a backfill commits its batches, so it cannot run inside db:transaction or another backfill")
  elseif autocommit.depth > 0 then
    fail("a backfill commits its batches by itself: call it outside of op.autocommit_block")
  end
  if host.offline then
    return offline.backfill(spec, shown(spec))
  end
  local label = name and ("%s: %s"):format(name, shown(spec)) or shown(spec)
  local verdict, entry, result = host.statement_next("backfill", fingerprint(spec), label)
  local own_name = name or host.backfill_name(entry)
  if verdict == "skip" then
    return result
  elseif verdict == "changed" then
    verdict = accept_change(entry, own_name)
  end
  return host.backfill_run(file.protect(spec, definition_of.make, spec, own_name, true), entry, {
    resumed = verdict == "resume",
    has_tables = has_tables(),
    named = name ~= nil,
    deferred = deferred,
  })
end

local function run_named(name, options)
  options = options or {}
  if type(options) ~= "table" then
    fail("argument 2 must be a table { defer = true }, not %s", check.describe(options))
  end
  for key, value in pairs(options) do
    if key ~= "defer" then
      fail("unknown option %s; known is defer", tostring(key))
    elseif type(value) ~= "boolean" then
      fail("defer must be true or false, not %s", check.describe(value))
    end
  end
  return run(file.load(name, os.time(), 0), name, options.defer)
end

--- What a revision had registered goes when it is taken back; called after its downgrade().
function backfill.forget_revision(revision)
  if not host.offline and has_tables() then
    host.backfill_forget(revision)
  end
end

--- Runs a backfill there and then: what the revision did before is committed, then batch after batch. An interrupted
--- one goes on where it was. Returns the rows that were gone through. A name stands for backfills/NAME.lua.
function op.backfill(spec, options)
  local ok, done = pcall(settings.refuse_other_path, "op.backfill")
  if not ok then
    error(done, 2)
  elseif type(spec) == "string" then
    ok, done = pcall(run_named, spec, options)
  else
    ok, done = pcall(function()
      if options ~= nil then
        fail('argument 2 is for a backfill that is named: op.backfill("name", { defer = true })')
      end
      return run(spec_of.check(spec))
    end)
  end
  if not ok then
    local has_place = type(done) ~= "string" or done:find("^[^\n:]+:%d+: ")
    error(done, has_place and 0 or 2)
  end
  return done
end

return backfill
