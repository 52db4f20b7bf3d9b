-- What op.* hands to statement.perform: the kind, the words for people, the statements; and what it returns.

local helper = dofile("tests/spec/unit/helper.lua")

local function perform(script, dialect)
  local list, problem = helper.run(script, dialect or "postgresql")
  assert.is_table(list, problem)
  return list
end

describe("op", function()
  local summaries = {
    { 'op.create_table("people", {})', "create_table", "create_table people" },
    { 'op.create_table("people", {}, { schema = "s" })', "create_table", "create_table s.people" },
    { 'op.drop_table("people")', "drop_table", "drop_table people" },
    { 'op.rename_table("people", "persons")', "rename_table", "rename_table people to persons" },
    { 'op.add_column("people", column("a", types.text()))', "add_column", "add_column people.a" },
    { 'op.drop_column("people", "a")', "drop_column", "drop_column people.a" },
    { 'op.create_index("ix", "people", { "a" })', "create_index", "create_index ix on people" },
    { 'op.create_index(nil, "people", { "a" })', "create_index", "create_index on people" },
    { 'op.drop_index("ix")', "drop_index", "drop_index ix" },
    { 'op.drop_index("ix", "people")', "drop_index", "drop_index ix on people" },
    { 'op.execute("UPDATE t\\n  SET a = 1")', "execute", "execute UPDATE t SET a = 1" },
    { 'op.bulk_insert("t", { { a = 1 } })', "bulk_insert", "bulk_insert t (1 row)" },
    { 'op.bulk_insert("t", { { a = 1 }, { b = 1 } })', "bulk_insert", "bulk_insert t (2 rows)" },
  }
  for _, row in ipairs(summaries) do
    it("calls it " .. row[3], function()
      local list = perform(row[1])
      assert.are.equal(1, #list)
      assert.are.equal(row[2], list[1].kind)
      assert.are.equal(row[3], list[1].summary)
    end)
  end

  it("cuts a long text between characters", function()
    local summary = perform(('op.execute("SELECT %s")'):format(("я"):rep(40)))[1].summary
    assert.is_truthy(utf8.len(summary))
    assert.are.equal("...", summary:sub(-3))
  end)

  it("returns what a script can use", function()
    local script = [[
      result = {
        op.create_table("t", {}) or false, op.execute("SELECT 1") or false,
        op.bulk_insert("t", { { a = 1 } }) or false, op.bulk_insert("t", {}) or false, op.drop_table("t") or false,
      }
      for index, expected in ipairs { "t", 7, 1, 0, false } do assert(result[index] == expected, index) end]]
    perform(script)
  end)

  it("does nothing for no rows", function()
    assert.are.same({}, perform('op.bulk_insert("t", {})'))
  end)

  it("keeps statements within the parameters that a database takes", function()
    local script = [[
      local rows = {}
      for i = 1, 2500 do
        local row = {}
        for c = 1, %d do row["c" .. c] = i end
        rows[i] = row
      end
      op.bulk_insert("t", rows)]]
    for name, limit in pairs({ postgresql = 65535, sqlite = 32766 }) do
      for _, width in ipairs({ 1, 40, 100 }) do
        local seen = 0
        for _, statement in ipairs(helper.statements(perform(script:format(width), name))) do
          assert.is_true(#statement.params <= limit)
          local _, marks = statement.text:gsub("%?", "")
          assert.are.equal(#statement.params, marks)
          seen = seen + #statement.params // width
        end
        assert.are.equal(2500, seen)
      end
    end
  end)

  it("takes the table that create_table returns, as in Alembic", function()
    local list = perform('op.bulk_insert(op.create_table("t", {}), { { a = 1 } })')
    assert.are.equal("bulk_insert t (1 row)", list[2].summary)
  end)

  it("leaves the items alone, so that they can be used twice", function()
    local script = [[
      local items = { column("id", types.integer(), { primary_key = true, index = true }), index { "id", name = "i" } }
      op.create_table("t", items)
      op.create_table("t", items) ]]
    for _, name in ipairs({ "postgresql", "sqlite" }) do
      local list = perform(script, name)
      assert.are.same(list[1], list[2])
    end
  end)

  it("has no function that does not work", function()
    local op, known = require("moonbird.op"), {}
    local is_helper = { f = true, invoke = true, inline_literal = true }
    for name in pairs(op) do
      known[#known + 1] = not is_helper[name] and name or nil
    end
    for _, name in ipairs(known) do
      for _, dialect in ipairs({ "postgresql", "sqlite" }) do
        local methods = helper.dialect(dialect)
        assert.is_truthy(methods["render_" .. name] or methods.instead[name], name)
      end
    end
  end)
end)
