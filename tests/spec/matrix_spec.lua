-- Changes of models (tests/cases/autogenerate.txt): a revision is made of each, the database is then what the models
-- say, and the way back leads to the dump as it was. On PostgreSQL a column that comes back is the last one, so there
-- the order of lines does not count.
--
-- A case: `--- before`, `--- after`, and perhaps `--- rename` (words of --rename) and `--- revision`, lines that stand
-- in the revision in this order.

local cases = require("support.cases")
local moonbird = require("support.moonbird")

local function autogenerate(p, name, models, renames)
  p:write("migrations/models.lua", models)
  local words = { "revision", "--autogenerate", "--empty", "-q", "-m", name, "--rev-id", name }
  for rename in (renames or ""):gmatch("%S+") do
    table.move({ "--rename", rename }, 1, 2, #words + 1, words)
  end
  p:ok(words)
  p:ok("upgrade head -q")
end

local function assert_lines(text, lines)
  local from = 1
  for line in lines:gmatch("[^\n]+") do
    local first, last = text:find(line, from, true)
    assert(first, ("the revision has no %q after byte %d:\n%s"):format(line, from, text))
    from = last
  end
end

local function go_there_and_back(p, sections)
  autogenerate(p, "first", sections.before)
  local before = p:dump()
  autogenerate(p, "second", sections.after, sections.rename)
  local revision = p:read("migrations/versions/second_second.lua")
  assert_lines(revision, sections.revision or "")
  assert.equal("No new upgrade operations detected.\n", p:run("check").out, revision)
  local run = p:run("downgrade -1 -q")
  assert.equal(0, run.code, run:describe() .. revision)
  assert.equal(before, p:dump(), revision)
  p:ok("downgrade base -q")
  assert.equal("return {}\n", p:ok("dump").out)
end

describe("a change of the models", function()
  local list = cases.read("tests/cases/autogenerate.txt")

  moonbird.each_database(describe, pending, function(kind)
    local p

    -- what a case leaves behind when it fails would be in the way of the next one
    local function run_case(sections)
      p = p or moonbird.project(kind)
      local ok, problem = pcall(go_there_and_back, p, sections)
      os.execute("rm -f " .. moonbird.quote(p.folder) .. "/migrations/versions/*.lua")
      if not ok then
        p:remove()
        p = nil
        error(problem, 0)
      end
    end

    teardown(function()
      if p then
        p:remove()
      end
    end)

    for _, case in ipairs(list) do
      if not case.only or case.only == kind then
        it("is made and taken back: " .. case.name, function()
          run_case(case.sections)
        end)
      end
    end
  end)
end)
