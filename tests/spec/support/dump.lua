-- Round trips of a schema: from a database to its dump and to databases made from that, and through changes of the dump
-- and back. Used by the dump specs.

local assert = require("luassert")
local moonbird = require("support.moonbird")

local dump = {}

--- What check says where nothing differs.
dump.EQUAL = "No new upgrade operations detected.\n"

--- The dump of what `tables` makes, after all of that was seen; `ini` is more of the ini.
function dump.round(p, tables, ini)
  p:sql(tables)
  local text = p:ok("dump").out
  p:write("migrations/models.lua", text)
  assert.equal(dump.EQUAL, p:ok("check").out)
  local copy = moonbird.project("postgres", ini)
  copy:sql(p:ok("dump --format sql").out)
  assert.equal("", p:ok({ "diff", copy.url }).out)
  copy:remove()
  local new = moonbird.project("postgres", ini)
  new:write("migrations/models.lua", text)
  new:ok("revision --autogenerate -m all")
  new:ok("upgrade head")
  assert.equal(dump.EQUAL, new:ok("check").out)
  assert.equal(text, new:ok("dump").out)
  new:ok("downgrade base")
  assert.equal("return {}\n", new:ok("dump").out)
  new:remove()
  return text
end

--- What the revision from the dump says in which some texts are others, from, to, from, to, ...; up and down again the
--- dump is what it was.
function dump.change(p, ...)
  local before = p:ok("dump").out
  local models, pairs_ = before, { ... }
  for index = 1, #pairs_, 2 do
    local first, last = models:find(pairs_[index], 1, true)
    assert(first, models)
    models = models:sub(1, first - 1) .. pairs_[index + 1] .. models:sub(last + 1)
  end
  p:write("migrations/models.lua", models)
  p:ok("revision --autogenerate -m change --rev-id c1")
  p:ok("upgrade head")
  assert.equal(dump.EQUAL, p:ok("check").out)
  p:ok("downgrade base")
  assert.equal(before, p:ok("dump").out)
  local text = p:read("migrations/versions/c1_change.lua")
  os.remove(p:path("migrations/versions/c1_change.lua"))
  return text
end

--- A test with a project on this kind of database.
function dump.with_project(kind, f)
  return function()
    local p = moonbird.project(kind)
    f(p)
    p:remove()
  end
end

--- The same on PostgreSQL.
function dump.on_postgres(f)
  return dump.with_project("postgres", f)
end

return dump
