-- The text cases of tests/cases/render: what each script renders on each dialect; and that the databases take it, when
-- they are there (sqlite3 in the path, a psql connection string in MOONBIRD_TEST_PSQL).

local helper = dofile("tests/spec/unit/helper.lua")

local before = {
  sqlite = { "PRAGMA foreign_keys = ON;" },
  postgresql = {
    "SET client_min_messages = warning;",
    "DROP SCHEMA IF EXISTS moonbird_case, s, other, \"The Schema\" CASCADE;",
    "CREATE SCHEMA moonbird_case; SET search_path = moonbird_case;",
  },
}

local after = { sqlite = {}, postgresql = { "DROP SCHEMA IF EXISTS moonbird_case, s, other, \"The Schema\" CASCADE;" } }

local function add_all(list, more)
  for _, entry in ipairs(more) do
    list[#list + 1] = entry
  end
end

local function script_of(case, name, entries)
  local dialect, lines = helper.dialect(name), {}
  add_all(lines, before[name])
  lines[#lines + 1] = helper.setup(case, name)
  for _, entry in ipairs(entries) do
    if entry.when then
      lines[#lines + 1] = helper.inline({ text = entry.when[1], params = entry.when[2] }, dialect) .. ";"
    end
    lines[#lines + 1] = helper.inline(entry, dialect) .. ";"
  end
  add_all(lines, after[name])
  return table.concat(lines, "\n")
end

local function check_for_real(case, name)
  local list = helper.run(case.sections.script, name, "case")
  if list then -- what is refused never reaches a database
    local _, problems = helper.feed(name, script_of(case, name, helper.statements(list)))
    assert.are.equal("", problems)
  end
end

local function databases_of(case)
  local names = {}
  for _, name in ipairs({ "postgresql", "sqlite" }) do
    names[#names + 1] = helper.expected(case, name) and name or nil
  end
  assert(#names > 0, "no database renders the case " .. case.title)
  return names
end

for _, path in ipairs(helper.case_files("tests/cases/render")) do
  describe(path:match("[^/]+$"), function()
    for _, case in ipairs(helper.read_cases(path)) do
      for _, name in ipairs(databases_of(case)) do
        it(("%s: %s"):format(name, case.title), function()
          assert.are.equal(helper.expected(case, name), helper.render_case(case, name))
        end)

        if helper.has_database(name) then
          it(("%s takes it: %s"):format(name, case.title), function()
            check_for_real(case, name)
          end)
        end
      end
    end
  end)
end
