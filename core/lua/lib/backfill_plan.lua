-- backfill_plan.lua: what a named backfill would do, found out by reading only: `moonbird backfill plan NAME`. Gives a
-- table of facts, and the same as lines for people. What a plan looks like is the dialect's.

local backfill = require("moonbird.backfill")
local check = require("moonbird.check")
local host = require("moonbird.host")
local json = require("moonbird.json")
local key = require("moonbird.backfill_key")
local lists = require("moonbird.list")
local sample = require("moonbird.backfill_sample")
local throttle_outlook = require("moonbird.throttle_outlook")

local backfill_plan = {}

local PAGES_READ = 3

-- --- facts ---

-- The first and the last key; nil where the table is empty.
local function ends(definition, names)
  return key.find(definition.first_key, {}, names), key.find(definition.last_key, {}, names)
end

-- The statements of a batch that find rows: the hop, and the rows of a range, without the lock: who may only read may
-- plan.
local function statements_of(definition, t, values)
  local size = definition.size_fixed or definition.size_start or 1000
  local versioned = not definition.external and definition.versioned_page_first
  local page = versioned or host.dialect:page(t, "first", not definition.bounded, false)
  local page_values = definition.bounded and values or lists.joined(values, { size })
  return {
    { what = "hop", sql = definition.hop_first, values = lists.joined(values, { size - 1 }), table = t.table },
    { what = "batch", sql = page, values = page_values, table = t.table },
  }
end

local function explained(definition, t)
  local first, last = ends(definition, t.key)
  if not first then
    return {}
  end
  local values = lists.joined(key.values(first), key.values(last))
  local statements = statements_of(definition, t, values)
  local plans = host.dialect:explain(host.connection, statements)
  for index, entry in ipairs(plans) do
    entry.what = statements[index].what
    entry.lines = json.array(entry.lines)
  end
  return plans
end

local function touches(index, columns)
  for _, name in ipairs(index.columns) do
    for _, column in ipairs(columns) do
      if name == false or name == column then
        return true
      end
    end
  end
  return false
end

-- Indexes that a write of these columns writes too; of all columns but the key's where only a function knows.
local function indexes_written(spec, columns)
  local names = {}
  for _, index in ipairs(host.dialect:index_columns(host.connection, spec.table, spec.schema)) do
    if touches(index, columns) then
      names[#names + 1] = index.name
    end
  end
  return names
end

local function written_columns(spec, t, by_name)
  if spec.set then
    return check.sorted_keys(spec.set)
  end
  local is_key, columns = {}, {}
  for _, name in ipairs(t.key) do
    is_key[name] = true
  end
  for _, name in ipairs(check.sorted_keys(by_name)) do
    columns[#columns + 1] = not is_key[name] and name or nil
  end
  return columns
end

local function key_name(spec, names)
  for _, found in ipairs(host.dialect:unique_keys(host.connection, spec.table, spec.schema)) do
    if table.concat(found.columns, "\0") == table.concat(names, "\0") then
      return found.name
    end
  end
end

-- Batches that are done and taken back, and what the whole would take at their pace with one worker.
local function sampled(definition, spec, t, by_name, count)
  local first, last = ends(definition, t.key)
  if not first then
    return json.array({})
  end
  t.shown = spec.set and check.sorted_keys(spec.set) or written_columns(spec, t, by_name)
  return json.array(sample.run(definition, spec, t, first, last, count))
end

local function pace_of(samples, estimate)
  local rows, ms = 0, 0
  for _, entry in ipairs(samples) do
    rows, ms = rows + entry.rows, ms + entry.ms
  end
  if rows == 0 then
    return nil
  end
  return { ms_per_row = ms / rows, eta_s = estimate and estimate * ms / rows / 1000 or nil }
end

local function reads_all(plans)
  for _, plan in ipairs(plans) do
    if plan.reads_all then
      return plan.what
    end
  end
end

-- What the whole takes at least: some batches are read, and nothing is done with them.
local function reading_of(definition, t, plans)
  local first, last = ends(definition, t.key)
  if reads_all(plans) then
    return nil
  end
  return first and pace_of(sample.read(definition, t, first, last, PAGES_READ), definition.estimate)
end

-- `overrides`: what `backfill set` has set, JSON, or nil.
local function facts_of(name, count, overrides)
  local spec, definition, t, by_name = backfill.look_named(name)
  local set = overrides and json.decode(overrides) or {}
  local plans = explained(definition, t)
  local samples = count > 0 and sampled(definition, spec, t, by_name, count) or nil
  return {
    samples = samples,
    pace = samples and pace_of(samples, definition.estimate) or nil,
    reading = not samples and reading_of(definition, t, plans) or nil,
    name = name,
    table = definition.table_shown,
    form = definition.form,
    key = json.array(t.key),
    index = key_name(spec, t.key),
    rows_estimated = definition.estimate,
    columns_read = json.array(not spec.set and t.columns or {}),
    columns_set = json.array(spec.set and check.sorted_keys(spec.set) or {}),
    where = spec.where,
    workers = definition.workers or 1,
    size = { fixed = definition.size_fixed, start = definition.size_start, target_ms = definition.target_ms },
    plans = json.array(plans),
    triggers = json.array(host.dialect:row_triggers(host.connection, spec.table, spec.schema)),
    indexes_written = json.array(indexes_written(spec, written_columns(spec, t, by_name))),
    overrides = set,
    throttle = json.array(throttle_outlook.facts(spec.throttle, set)),
  }
end

-- --- lines ---

local function list_text(list)
  return #list > 0 and table.concat(list, ", ") or "none"
end

local function size_text(size)
  if size.fixed then
    return ("%d rows"):format(size.fixed)
  end
  return ("%d rows to begin with, then as many as take %g ms"):format(size.start or 1000, size.target_ms)
end

local function row_text(row)
  local parts = {}
  for _, name in ipairs(check.sorted_keys(row)) do
    parts[#parts + 1] = ("%s=%s"):format(name, tostring(row[name]))
  end
  return table.concat(parts, "  ")
end

local function add_sample(add, entry)
  local bad = entry.bad > 0 and (", %d bad: %s"):format(entry.bad, entry.problem or "put aside") or ""
  add("sample", ("from %s: %d rows in %.1f ms%s"):format(json.encode(entry.from), entry.rows, entry.ms, bad))
  for index, row in ipairs(entry.before) do
    add("", "  before  " .. row_text(row))
    add("", "  after   " .. (entry.after[index] and row_text(entry.after[index]) or "(gone)"))
  end
end

local function duration_text(seconds)
  local hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60 // 1
  if hours > 0 then
    return ("%d h %02d min"):format(hours, minutes)
  end
  return minutes > 0 and ("%d min %02d s"):format(minutes, rest) or ("%d s"):format(rest)
end

local function add_time(add, pace, words)
  local eta_s = pace.eta_s
  add("would take", eta_s and words:format(duration_text(eta_s)) or "not known without an estimate of the rows")
end

local function add_samples(add, facts)
  for _, entry in ipairs(facts.samples) do
    add_sample(add, entry)
  end
  if facts.pace then
    add("pace", ("%.4f ms a row"):format(facts.pace.ms_per_row))
    add_time(add, facts.pace, "about %s with one worker")
  end
end

local function lines_of(facts, set)
  local lines = { ("%s  %s"):format(facts.name, facts.table) }
  local function add(title, text)
    lines[#lines + 1] = ("  %-12s %s"):format(title, text)
  end
  add("key", ("%s%s"):format(table.concat(facts.key, ", "), facts.index and " (" .. facts.index .. ")" or ""))
  local estimate = facts.rows_estimated
  add("rows", estimate and ("about %d"):format(estimate) or "not known: the table wants ANALYZE")
  add("does", facts.form == "set" and "UPDATE of " .. list_text(facts.columns_set) or facts.form .. " function in Lua")
  if facts.form ~= "set" then
    add("reads", list_text(facts.columns_read))
  end
  if facts.where then
    add("where", facts.where)
  end
  add("batches of", size_text(facts.size))
  if set then
    add("set", set)
  end
  for _, plan in ipairs(facts.plans) do
    for number, line in ipairs(plan.lines) do
      add(number == 1 and plan.what or "", line)
    end
  end
  if #facts.plans == 0 then
    add("plan", "the table is empty")
  end
  local may = facts.form == "set" and "" or " (those whose columns the function changes)"
  add("indexes", list_text(facts.indexes_written) .. (#facts.indexes_written > 0 and may or ""))
  add("triggers", list_text(facts.triggers))
  for number, line in ipairs(throttle_outlook.lines(facts.throttle)) do
    add(number == 1 and "throttle" or "", line)
  end
  if #facts.throttle == 0 then
    add("throttle", "none")
  end
  if facts.samples then
    add_samples(add, facts)
  elseif facts.reading then
    add_time(add, facts.reading, "at least %s, for reading alone; --sample 5 tells")
  end
  return lines
end

-- --- verdict ---

local function problem_of(facts)
  local what = reads_all(facts.plans)
  return what and ("the %s of backfill %s reads or sorts the whole table"):format(what, facts.name) or nil
end

--- Text for people, the facts as JSON, and what speaks against running it, or nil; `count` batches are tried. What
--- operators have set: as JSON, and as they type it; nil where they have not.
function backfill_plan.describe(name, count, overrides, set)
  local facts = facts_of(name, count, overrides)
  return table.concat(lines_of(facts, set), "\n") .. "\n", json.encode(facts), problem_of(facts)
end

return backfill_plan
