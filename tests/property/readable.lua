-- Random conditions on columns of many types: what dump writes of them makes the same conditions again, as the server
-- prints them; check says equal before and after, also where the server may not be asked. PostgreSQL only.
--
--   lua5.4 tests/property/readable.lua [ROUNDS] [SEED]     5 rounds; a printed seed gives the same rounds again
--
-- Run by tests/spec/readable_spec.lua.

package.path = "./tests/spec/?.lua;" .. package.path
local moonbird = require("support.moonbird")

local random = math.random

local function pick(list)
  return list[random(#list)]
end

-- --- conditions ---

local TABLE = [[
  CREATE TYPE "My Mood" AS ENUM ('a', 'b', 'it''s');
  CREATE DOMAIN short AS varchar(5);
  CREATE TABLE t (
    v varchar(10), "V q" varchar, x text, c char(3), i integer, b bigint, s smallint, n numeric(8, 2), f float8, r real,
    d date, ts timestamp, tz timestamptz, u uuid, o boolean, m "My Mood", k short, l name, "lower" text, "order" text,
    "null" varchar, vc varchar(4) COLLATE "C"
  );]]

local texts = { "'a'", "'b'", "'it''s'", "''", "'a b'", "'é'", "'NULL'", "'a\\b'", "'('" }
local integers = { "0", "1", "-3", "2147483647", "2147483648", "-2147483648", "-2147483649", "'5'" }
local decimals = { "1.5", "-2.5", "0.0", "100", "-7", "'2'::numeric", "3000000000", "1e3", "2.50" }
local moments = { "'2020-01-01'", "'1999-12-31 10:00'", "'2020-02-02'::date" }
local uuids = { "'00000000-0000-0000-0000-000000000001'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'" }
local truths = { "true", "false", "NULL" }

local columns = {
  { "v", texts },
  { '"V q"', texts },
  { "x", texts },
  { "c", texts },
  { "i", integers },
  { "b", integers },
  { "s", integers },
  { "n", decimals },
  { "f", decimals },
  { "r", decimals },
  { "d", moments },
  { "ts", moments },
  { "tz", moments },
  { "u", uuids },
  { "o", truths },
  { "m", { "'a'", "'b'", "'it''s'" } },
  { "k", texts },
  { "l", texts },
  { '"lower"', texts },
  { '"order"', texts },
  { '"null"', texts },
  { "vc", texts },
}

local casts = { "::text", "::varchar", "::varchar(3)", "::char(2)", "::bpchar", "::integer", "::bigint", "::numeric" }

local function literal(kinds)
  local text = random(12) == 1 and "NULL" or pick(kinds)
  return random(8) == 1 and ("(%s)%s"):format(text, pick(casts)) or text
end

local function left_of(column)
  local forms = { "%s", "%s", "%s", "%s::text", "lower(%s)", "upper(%s::text)", "coalesce(%s, %s)", "(%s || 'z')" }
  return (pick(forms):gsub("%%s", column[1]))
end

local function list_of(kinds)
  local list = {}
  for index = 1, random(4) do
    list[index] = literal(kinds)
  end
  return table.concat(list, ", ")
end

local forms = {
  function(left, kinds)
    return ("%s IN (%s)"):format(left, list_of(kinds))
  end,
  function(left, kinds)
    return ("%s NOT IN (%s)"):format(left, list_of(kinds))
  end,
  function(left, kinds)
    return ("%s %s (ARRAY[%s]%s)"):format(
      left,
      pick({ "= ANY", "<> ALL", "> ANY" }),
      list_of(kinds),
      pick({ "", "::text[]", "::varchar[]" })
    )
  end,
  function(left, kinds)
    return ("%s %s %s"):format(left, pick({ "=", "<>", "<", "<=", ">", ">=", "LIKE" }), literal(kinds))
  end,
  function(left, kinds)
    return ("%s %s %s AND %s"):format(left, pick({ "BETWEEN", "NOT BETWEEN" }), literal(kinds), literal(kinds))
  end,
  function(left)
    return left .. pick({ " IS NULL", " IS NOT NULL" })
  end,
}

local function condition(depth)
  if depth > 0 and random(3) == 1 then
    local form = pick({
      "(%s) OR %s",
      "%s AND NOT (%s)",
      "CASE WHEN %s THEN %s ELSE i > 1 END",
      "(%s) = (%s)",
      "NOT %s OR %s",
    })
    return form:format(condition(depth - 1), condition(depth - 1))
  end
  local column = pick(columns)
  return pick(forms)(left_of(column), column[2])
end

-- What the server refuses is left out.
local function script_of(count)
  local parts = { "SET client_min_messages = error;", TABLE }
  for number = 1, count do
    local text = condition(2)
    local make = number % 4 == 0 and ("CREATE INDEX ix%d ON t (i) WHERE %s"):format(number, text)
      or ("ALTER TABLE t ADD CONSTRAINT ck%d CHECK (%s)"):format(number, text)
    parts[#parts + 1] = ("DO $x$ BEGIN %s; EXCEPTION WHEN OTHERS THEN NULL; END $x$;"):format(make)
  end
  return table.concat(parts, "\n")
end

-- --- a round ---

local PRINTED = [[
  SELECT name, replace(text, E'\n', ' ') FROM (
    SELECT conname AS name, pg_get_expr(conbin, conrelid) AS text
    FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'c'
    UNION ALL
    SELECT indexrelid::regclass::text, pg_get_expr(indpred, indrelid, true)
    FROM pg_index
    WHERE indrelid = 't'::regclass
  ) AS printed ORDER BY 1]]

local EQUAL = "No new upgrade operations detected.\n"

local function by_name(printed)
  local map = {}
  for line in printed:gmatch("[^\n]+") do
    local name, text = line:match("^(%w+)|(.*)$")
    map[name] = text
  end
  return map
end

local function items_of(models)
  local items = {}
  for item in models:gsub("\n    (%l+[ (])", "\0%1"):gmatch("[^\0]+") do
    items[item:match('name = "(%w+)"') or ""] = item
  end
  return items
end

local casts_of_no_matter = {
  "::text",
  "::character varying",
  "::smallint",
  "::integer",
  "::bigint",
  "::numeric",
  "::double precision",
  "::bpchar",
  "[%[%]()]",
}

-- The server reads some of its own words and prints others: an OR in an OR loses its brackets, a cast of an array comes
-- to its elements. What is written without its arrays must be the same but for brackets and casts.
local function plain(text)
  for _, pattern in ipairs(casts_of_no_matter) do
    text = text:gsub(pattern, "")
  end
  return (text:gsub("'(%-?%d+)'", "%1"):gsub("'(%-?%d+%.%d+)'", "%1"))
end

local function expect_same(models, wanted, found)
  local other, items = by_name(found), items_of(models)
  for name, text in pairs(by_name(wanted)) do
    if plain(other[name]) ~= plain(text) and not items[name]:find("ARRAY[", 1, true) then
      error(("%s, written as %s\n  %s\nis printed as\n  %s"):format(name, items[name], text, other[name]), 0)
    end
  end
end

local function expect(what, wanted, found)
  if wanted ~= found then
    error(("%s:\n%s\nis not\n%s"):format(what, found, wanted), 0)
  end
end

local function play(p, copy)
  p:write("make.sql", script_of(60))
  moonbird.shell(("psql -X -q %s -f %s"):format(moonbird.quote(p.shell_url), moonbird.quote(p:path("make.sql"))))
  p:sql("ALTER DATABASE " .. p:sql("SELECT current_database()") .. " SET default_transaction_read_only = on")
  local models = p:ok("dump").out
  p:write("migrations/models.lua", models)
  local run = p:ok("check")
  expect("check of a dump, where nothing may be asked", EQUAL, run.out .. run.err)
  copy:sql("CREATE DOMAIN short AS varchar(5)")
  copy:write("migrations/models.lua", models)
  copy:ok("revision --autogenerate -m x")
  copy:ok("upgrade head")
  expect("check after the revision", EQUAL, copy:ok("check").out)
  expect_same(models, p:sql(PRINTED), copy:sql(PRINTED))
end

local function round()
  local p, copy = moonbird.project("postgres"), moonbird.project("postgres")
  local ok, problem = pcall(play, p, copy)
  p:remove()
  copy:remove()
  return ok, problem
end

local rounds, seed = tonumber(arg[1]) or 5, tonumber(arg[2]) or os.time()
print(("%d rounds from seed %d"):format(rounds, seed))
for number = 1, rounds do
  math.randomseed(seed + number - 1)
  local ok, problem = round()
  if not ok then
    print(problem)
    print(("round %d failed; again: lua5.4 tests/property/readable.lua 1 %d"):format(number, seed + number - 1))
    os.exit(1)
  end
end
print("ok")
