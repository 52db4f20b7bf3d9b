-- Names by a convention, and how long names are cut.

local helper = dofile("tests/spec/unit/helper.lua")
local naming = require("moonbird.naming")

local convention = {
  ix = "ix_%(table_name)s_%(column_0_N_name)s",
  uq = "uq_%(table_name)s_%(column_0_name)s",
  ck = "ck_%(table_name)s_%(constraint_name)s",
  fk = "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
  pk = "pk_%(table_name)s",
}

-- What a script renders on PostgreSQL under a convention, one statement a line; or its error.
local function rendered(script, given)
  naming.use(given or convention)
  local list, problem = helper.run(script, "postgresql")
  naming.use(nil)
  local lines = {}
  for index, statement in ipairs(list and helper.statements(list) or {}) do
    lines[index] = statement.text
  end
  return list and table.concat(lines, "\n") or problem
end

describe("a naming convention", function()
  after_each(function()
    naming.use(nil)
  end)

  local cases = {
    { 'op.create_unique_constraint(nil, "t", { "a", "b" })', "ALTER TABLE t ADD CONSTRAINT uq_t_a UNIQUE (a, b)" },
    { 'op.create_unique_constraint("mine", "t", { "a" })', "ALTER TABLE t ADD CONSTRAINT mine UNIQUE (a)" },
    { 'op.create_primary_key(nil, "t", { "a" })', "ALTER TABLE t ADD CONSTRAINT pk_t PRIMARY KEY (a)" },
    {
      'op.create_foreign_key(nil, "t", "o", { "a" }, { "id" })',
      "ALTER TABLE t ADD CONSTRAINT fk_t_a_o FOREIGN KEY (a) REFERENCES o (id)",
    },
    { 'op.create_check_constraint("up", "t", "a > 0")', "ALTER TABLE t ADD CONSTRAINT ck_t_up CHECK (a > 0)" },
    { 'op.create_check_constraint(op.f("up"), "t", "a > 0")', "ALTER TABLE t ADD CONSTRAINT up CHECK (a > 0)" },
    { 'op.create_index(nil, "t", { "a", "b" })', "CREATE INDEX ix_t_a_b ON t (a, b)" },
    { 'op.create_index("mine", "t", { "a" })', "CREATE INDEX mine ON t (a)" },
    { 'op.drop_index(op.f("mine"), "t")', "DROP INDEX mine" },
    { 'op.drop_constraint("up", "t", "check")', "ALTER TABLE t DROP CONSTRAINT ck_t_up" },
    { 'op.drop_constraint("up", "t")', "ALTER TABLE t DROP CONSTRAINT up" },
    { 'op.drop_constraint(op.f("up"), "t", "check")', "ALTER TABLE t DROP CONSTRAINT up" },
    { 'op.drop_constraint("mine", "t", "unique")', "ALTER TABLE t DROP CONSTRAINT mine" },
    {
      'op.add_column("t", column("b", types.integer(), { unique = true, references = "o.id" }))',
      "ALTER TABLE t ADD COLUMN b INTEGER CONSTRAINT uq_t_b UNIQUE CONSTRAINT fk_t_b_o REFERENCES o (id)",
    },
    {
      'op.batch_alter_table("t", function(batch) batch.create_unique_constraint(nil, { "a" }) end, '
        .. '{ naming_convention = { uq = "unique_%(column_0_label)s" } })',
      "ALTER TABLE t ADD CONSTRAINT unique_t_a UNIQUE (a)",
    },
    {
      'op.batch_alter_table("t", function(batch) batch.create_unique_constraint(nil, { "a" }) end)',
      "ALTER TABLE t ADD CONSTRAINT uq_t_a UNIQUE (a)",
    },
    {
      'op.create_check_constraint(nil, "t", "a > 0")',
      "script:1: op.create_check_constraint: "
        .. "the naming convention of t wants a name for this one (%(constraint_name)s)",
    },
  }
  for _, case in ipairs(cases) do
    it("is applied by " .. case[1], function()
      assert.are.equal(case[2], rendered(case[1]))
    end)
  end

  it("names what a table is made of", function()
    local script = [[op.create_table("t", {
      column("a", types.integer(), { primary_key = true, autoincrement = false }),
      column("b", types.integer(), { references = "o.id", index = true }),
      column("c", types.text(), { unique = true }),
      unique { "b", "c" }, index { "c", "b" }, check("b > 0", { name = "up" }), check("b < 9", { name = op.f("down") }),
      foreign_key { "b", references = "o.x" },
    }, { schema = "s" })]]
    assert.are.equal(
      [[
CREATE TABLE s.t (
  a INTEGER NOT NULL,
  b INTEGER,
  c TEXT,
  CONSTRAINT pk_t PRIMARY KEY (a),
  CONSTRAINT fk_t_b_o FOREIGN KEY (b) REFERENCES o (id),
  CONSTRAINT uq_t_c UNIQUE (c),
  CONSTRAINT uq_t_b UNIQUE (b, c),
  CONSTRAINT ck_t_up CHECK (b > 0),
  CONSTRAINT down CHECK (b < 9),
  CONSTRAINT fk_t_b_o FOREIGN KEY (b) REFERENCES o (x)
)
CREATE INDEX ix_t_b ON s.t (b)
CREATE INDEX ix_t_c_b ON s.t (c, b)]],
      rendered(script)
    )
  end)

  it("names the CHECK of an enum on SQLite", function()
    naming.use(convention)
    local mood = 'types.enum("mood", { "x" }, { create_constraint = true })'
    local script = ('op.create_table("t", { column("m", %s) })\nop.add_column("t", column("n", %s))'):format(mood, mood)
    local list = helper.statements(helper.run(script, "sqlite"))
    assert.is_truthy(list[1].text:find("m VARCHAR(1) CONSTRAINT ck_t_mood CHECK (m IN ('x'))", 1, true))
    assert.is_truthy(list[2].text:find("n VARCHAR(1) CONSTRAINT ck_t_mood CHECK (n IN ('x'))", 1, true))
  end)

  local tokens = {
    { "%(column_0_name)s %(column_1_key)s", "a b" },
    { "%(column_0N_name)s", "ab" },
    { "%(column_0_N_name)s", "a_b" },
    { "%(column_0_label)s", "s_t_a" },
    { "%(column_0_N_label)s", "s_t_a_s_t_b" },
    { "%(referred_table_name)s %(referred_column_0_name)s", "o x" },
    { "%(referred_column_0_N_name)s", "x_y" },
    { "%(mine)s", "foreign_key of t" },
  }
  for _, case in ipairs(tokens) do
    it("knows the token " .. case[1], function()
      local item = { kind = "foreign_key", columns = { "a", "b" } }
      item.referent_table, item.referent_columns = "o", { "x", "y" }
      local own = {
        fk = case[1],
        mine = function(constraint, table_name)
          return constraint.kind .. " of " .. table_name
        end,
      }
      assert.are.equal(case[2], (naming.name_of(item, { table = "t", schema = "s" }, own)))
    end)
  end

  it("refuses a token that it does not know, and a column that is not there", function()
    local script = 'op.create_unique_constraint(nil, "t", { "a" })'
    assert.are.equal(
      'script:1: op.create_unique_constraint: the naming convention has an unknown token "colum_0_name" for '
        .. "create_unique_constraint",
      rendered(script, { uq = "uq_%(colum_0_name)s" })
    )
    assert.are.equal(
      "script:1: op.create_unique_constraint: "
        .. "the naming convention wants column 1 of create_unique_constraint, which has not so many",
      rendered(script, { uq = "uq_%(column_1_name)s" })
    )
  end)

  it("refuses what is no convention", function()
    local problem = naming.problem_of({ uq = 1 })
    assert.are.equal("naming_convention: uq is a template and must be a string, not a number", problem)
    assert.is_truthy(naming.problem_of({ unique = "uq" }):find("templates are ix, uq, ck, fk, pk", 1, true))
    assert.is_nil(naming.problem_of(convention))
  end)
end)

describe("a name that is too long", function()
  it("is cut as SQLAlchemy cuts it, where it was made up", function()
    local long = ("c"):rep(60)
    assert.are.equal(
      ("CREATE INDEX ix_t_%s_%s ON t (%s)"):format(("c"):rep(50), "17bc", long),
      rendered(('op.create_index(nil, "t", { "%s" })'):format(long))
    )
  end)

  it("is cut between characters", function()
    local name = helper.dialect("postgresql"):fit_name("ix_" .. ("я"):rep(40))
    assert.is_truthy(utf8.len(name))
    assert.is_true(#name <= 63)
  end)

  it("is refused where it was given", function()
    local problem = rendered(('op.create_index("%s", "t", { "a" })'):format(("i"):rep(64)))
    assert.is_truthy(problem:find("has 64 bytes; PostgreSQL keeps 63", 1, true))
  end)
end)
