-- The commands that look at a schema: revision --autogenerate, check, diff, dump. Reads models and database, compares,
-- and gives texts. Called by core/run/schema.c as a task; writes nothing to the database.
--
-- A request: folder, settings (what env.lua returns), version_table, version_schema, schemas, renames, ask(question) or
-- nil, models_text (instead of a file), format. The result is filled: text, json, upgrade, downgrade, count; and
-- judges_models while an error would be one of the models.

local diff = require("moonbird.schema.diff")
local dump = require("moonbird.schema.dump")
local filter = require("moonbird.schema.filter")
local host = require("moonbird.host")
local json = require("moonbird.json")
local log = require("moonbird.log")
local model = require("moonbird.schema.model")
local places = require("moonbird.schema.places")
local references = require("moonbird.schema.references")
local render = require("moonbird.schema.render")
local rename_request = require("moonbird.schema.rename_request")
local rename_text = require("moonbird.schema.rename_text")
local renames = require("moonbird.schema.renames")
local texts = require("moonbird.schema.texts")

local command = {}

-- --- both sides ---

-- The default schema has no name, also where somebody wrote it.
local function settle_schemas(schema, default)
  for _, list in ipairs({ "tables", "enums", "sequences", "views" }) do
    for _, part in ipairs(schema[list]) do
      part.schema = part.schema ~= default and part.schema or nil
      for _, key in ipairs(part.foreign_keys or {}) do
        key.referent_schema = key.referent_schema ~= default and key.referent_schema or nil
      end
      if part.owned_by then
        part.owned_by.schema = part.owned_by.schema ~= default and part.owned_by.schema or nil
      end
    end
  end
end

-- What of the database counts; `schema` is what the models say, or nil, and gets its names settled.
local function read_live(request, schema)
  local wanted = #request.schemas > 0 and request.schemas or nil
  local further = schema and host.dialect.schema_parts.schemas and places.of_parts(schema) or {}
  local live = host.dialect:schema(host.connection, { schemas = wanted, further_schemas = further })
  if schema then
    settle_schemas(schema, live.default_schema)
    places.leave_alone(live, request.schemas, schema)
  end
  local own_schema = request.version_schema ~= (live.default_schema or "main") and request.version_schema or nil
  return filter.names(live, request.settings, request.version_table, own_schema), own_schema
end

local function load_models(request)
  local dialect = host.dialect
  if request.models_text then
    return model.parse(request.models_text, request.folder, dialect)
  end
  local schema, path = model.load(request.folder, request.settings.models, dialect)
  if not schema then
    local said = request.settings.models and "env.lua names it" or "and env.lua names none"
    local hint = "`moonbird dump -o %s` writes the models of the database as it is"
    host.fail("usage", ("there are no models: %s does not exist, %s"):format(path, said), hint:format(path))
  end
  return schema
end

-- The caller (core/run/schema.c) tells a mistake in the models from a database that fails.
local function judge(result, call, ...)
  result.judges_models = true
  local value = call(...)
  result.judges_models = nil
  return value
end

-- Foreign keys may be looked up in the database, so that an error need not be one of the models.
local function check_models(request, result, schema, live, own_schema)
  judge(result, filter.check_models, schema, request.version_table, own_schema)
  if not request.models_text then
    references.check(schema, live, request)
  end
end

local function make_comparable(schema)
  for index, table_ in ipairs(schema.tables) do
    schema.tables[index] = host.dialect:comparable(table_)
  end
end

-- --- renames ---

-- On a terminal each candidate is asked for, once; a name takes part in one rename only.
local function ask_renames(request, schema, live, list, asked)
  local taken = {}
  for _, rename in ipairs(renames.candidates(schema, live, host.dialect)) do
    local place = (rename.schema or "") .. "\0" .. rename.table
    local old = rename.kind == "table" and place or place .. "\0" .. rename.column
    local new = place .. "\1" .. rename.new_name
    local is_open = not (taken[old] or taken[new] or asked[old .. new])
    asked[old .. new] = asked[old .. new] or is_open
    if is_open and request.ask(rename.kind, rename_text.sides(rename)) then
      taken[old], taken[new] = true, true
      list[#list + 1] = rename
      renames.apply({ rename }, live)
    end
  end
end

-- What goes remembers it for the line of review above it.
local function hint_renames(schema, live, is_loud)
  local format = "%s could be renamed to %s; as it stands it is dropped and a new one is added, without its values. "
    .. "%s makes it a rename"
  for _, rename in ipairs(renames.candidates(schema, live, host.dialect)) do
    local old, new = rename_text.sides(rename)
    rename.part.could_be = ("; or was it renamed? %s"):format(rename_text.option(rename))
    if is_loud then
      log.warn((format:format(old, new, rename_text.option(rename)):gsub("%c", " ")))
    end
  end
end

local function settle_renames(request, schema, live)
  local list, problem, hint = rename_request.parse(request.renames, schema, live)
  if not list then
    host.fail("usage", problem, hint)
  end
  renames.apply(list, live)
  if request.ask then
    -- tables first: their columns are compared under the new name
    local asked = {}
    for _ = 1, 2 do
      ask_renames(request, schema, live, list, asked)
    end
  else
    hint_renames(schema, live, request.hints)
  end
  return list
end

-- --- the commands ---

local function compare(request, result)
  local schema = judge(result, load_models, request)
  local live, own_schema = read_live(request, schema)
  make_comparable(schema)
  host.dialect:settle_serials(live, schema)
  check_models(request, result, schema, live, own_schema)
  local list = settle_renames(request, schema, live)
  texts.show(live)
  texts.settle(schema, live)
  local changes = diff.compare(schema, live, host.dialect, {
    filter = filter.objects(request.settings),
    renames = list,
  })
  for _, change in ipairs(changes) do
    for _, name in ipairs(change.fixed or {}) do
      log.warn(("table %s: %s differs, and no ALTER TABLE changes it"):format(change.table.name, name))
    end
  end
  return changes
end

local function operations_json(entries)
  local list = {}
  for index, entry in ipairs(entries) do
    list[index] = render.data(entry.operation)
    list[index].review = entry.review[1] and table.concat(entry.review, "; ") or nil
  end
  return json.array(list)
end

local function tell(changes)
  for _, message in ipairs(diff.messages(changes)) do
    log.info(message)
  end
end

local function fill(result, changes)
  local up, down = render.directions(changes)
  result.count = #up
  return up, down
end

local actions = {}

function actions.autogenerate(request, result)
  local changes = compare(request, result)
  local up, down = fill(result, changes)
  tell(changes)
  result.upgrade, result.downgrade = render.body(up, host.dialect), render.body(down, host.dialect)
end

local signs = { added = "+", removed = "-" }

-- "Detected added table 'x'" -> "+ table 'x'"
local function lines_of(changes)
  local lines = {}
  for _, message in ipairs(diff.messages(changes)) do
    local verb, rest = message:match("^Detected (%l+) (.*)$")
    local sign = signs[verb]
    lines[#lines + 1] = sign and sign .. " " .. rest or "~ " .. message:gsub("^Detected ", "")
  end
  return table.concat(lines, "\n") .. (#lines > 0 and "\n" or "")
end

-- JSON is UTF-8, the names of a database need not be.
local function as_text(value)
  if type(value) == "string" then
    return utf8.len(value) and value or (value:gsub("[\128-\255]", "\u{FFFD}"))
  elseif type(value) ~= "table" then
    return value
  end
  local copy = setmetatable({}, getmetatable(value))
  for key, entry in pairs(value) do
    copy[as_text(key)] = as_text(entry)
  end
  return copy
end

local function compare_and_tell(request, result)
  local changes = compare(request, result)
  local up, down = fill(result, changes)
  result.text = lines_of(changes)
  result.json = json.encode(as_text({
    messages = json.array(diff.messages(changes)),
    operations = operations_json(up),
    reverse = operations_json(down),
  }))
end

actions.check = compare_and_tell
actions.diff = compare_and_tell

-- What the database has and the dump has not: a dump that is silent about it would pass for the whole.
local function warn_of_rest(live, format)
  local most, names = 12, {}
  local list, has_it = host.dialect:left_out(host.connection, live, format)
  for index = 1, math.min(#list, most) do
    names[index] = list[index].kind .. " " .. list[index].name
  end
  if #list > most then
    names[#names + 1] = ("%d more"):format(#list - most)
  end
  if #list > 0 then
    log.warn("not in the dump: " .. table.concat(names, ", ") .. "; " .. has_it)
  end
end

function actions.dump(request, result)
  local live = read_live(request)
  host.dialect:settle_serials(live)
  filter.apply(live, request.settings)
  texts.show(live)
  if request.format == "sql" then
    result.text = require("moonbird.schema.script").text(live, host.connection, host.dialect)
  else
    result.text = dump.models(live, host.dialect)
  end
  if host.dialect.left_out then
    warn_of_rest(live, request.format)
  end
end

--- Runs one command; `result` is filled.
function command.run(request, result)
  actions[request.action](request, result)
end

return command
