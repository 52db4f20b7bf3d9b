-- A wrong call is an error at the line of the script, and says what was expected.

local helper = dofile("tests/spec/unit/helper.lua")

-- Runs a script whose wrong call stands on its second line.
local function complaint(call, dialect)
  local done, problem = helper.run("local unused\n" .. call .. "\nlocal after", dialect or "postgresql")
  assert.is_nil(done, call .. " was accepted")
  return problem
end

local cases = {
  {
    'op.alter_column("t", "a", { server_default = nil, type_ = "text" })',
    "op.alter_column: option type_ must be a type (types.text()), got a string",
  },
  {
    'op.alter_column("t", column("a", types.text()))',
    "op.alter_column: argument 2 must be a name (a string that is not empty), got a column",
  },
  {
    'op.alter_column("t", "a", { comment = 1 })',
    "op.alter_column: option comment must be a string, or null (none any more), got an integer",
  },
  {
    'op.create_unique_constraint("u", "t", "a")',
    'op.create_unique_constraint: argument 3 must be a list of names ({ "a", "b" }), got a string',
  },
  {
    'op.create_unique_constraint("u", "t")',
    'op.create_unique_constraint: argument 3 must be a list of names ({ "a", "b" }), got nothing',
  },
  {
    'op.create_unique_constraint("u", "t", {})',
    'op.create_unique_constraint: argument 3 must be a list of names ({ "a", "b" }), got an empty list',
  },
  {
    'op.create_foreign_key("f", "a", "b", { "x" }, { "y" }, { on_delete = "CASCADE" })',
    'op.create_foreign_key: unknown option "on_delete"; did you mean "ondelete"? (known: comment, deferrable, '
      .. "initially, match, not_valid, ondelete, onupdate, referent_schema, schema, source_schema)",
  },
  {
    'op.create_foreign_key("f", "a", "b", { "x" }, { "y" }, { ondelete = "KASKADE" })',
    'op.create_foreign_key: option ondelete must be "CASCADE", "RESTRICT", "NO ACTION", "SET NULL" or "SET DEFAULT", '
      .. 'got "KASKADE"',
  },
  {
    'op.create_foreign_key("f", "a", "b", { "x" }, { "y" }, { schema = "s", source_schema = "q" })',
    "op.create_foreign_key: source_schema and schema are the same option, give one of them",
  },
  {
    'op.create_check_constraint("c", "t", " ")',
    'op.create_check_constraint: argument 3 must be an SQL text ("a > 0" or sql "a > 0"), got a string',
  },
  {
    'op.create_exclude_constraint("e", "t", "room")',
    'op.create_exclude_constraint: argument 3 must be a list of elements with their operators ({ { "room", "=" } }), '
      .. "got a string",
  },
  {
    'op.create_exclude_constraint("e", "t", { "room" })',
    'op.create_exclude_constraint: argument 3 must be a list of elements with their operators ({ { "room", "=" } }), '
      .. "got a list whose entry 1 is a table",
  },
  {
    'op.drop_constraint("c", "t", "uniqe")',
    'op.drop_constraint: argument 3 must be "unique", "foreignkey", "primary", "check" or "exclude", got "uniqe"',
  },
  {
    'op.batch_alter_table("t", function() end, { recreate = "sometimes" })',
    'op.batch_alter_table: option recreate must be "auto", "always" or "never", got "sometimes"',
  },
  {
    'op.batch_alter_table("t", function() end, { naming_convention = { pk = 1 } })',
    "op.batch_alter_table: option naming_convention must be a table of templates "
      .. '({ uq = "uq_%(table_name)s_%(column_0_name)s" }), got a table',
  },
  { 'op.invoke("drop_table")', "op.invoke: argument 1 must be an operation ({ kind = ..., ... }), got a string" },
  {
    'op.invoke { kind = "drop_tabel", table = "t" }',
    'op.invoke: argument 1 must be an operation ({ kind = ..., ... }), got the kind "drop_tabel"; '
      .. 'did you mean "drop_table"?',
  },
  { 'op.invoke { kind = "drop_table" }', "op.drop_table: the field table is missing" },
  {
    'op.invoke { kind = "drop_table", table = "t", if_exist = true }',
    'op.drop_table: unknown option "if_exist"; did you mean "if_exists"? (known: if_exists, schema, table)',
  },
  { "op.f(1)", "op.f: argument 1 must be a name (a string that is not empty), got an integer" },
  { "op.inline_literal({})", "op.inline_literal: a table is not a value that SQL has" },
  {
    'op.create_enum("mood", "ok")',
    'op.create_enum: argument 2 must be a list of strings ({ "a", "b" }), got a string',
  },
  {
    'op.create_view("v")',
    'op.create_view: argument 2 must be an SQL text ("a > 0" or sql "a > 0"), got nothing',
  },
  {
    'op.create_trigger("x", "t", { timing = "DURING", events = "INSERT" })',
    'op.create_trigger: option timing must be "BEFORE", "AFTER" or "INSTEAD OF", got "DURING"',
  },
  {
    'op.create_sequence("s", { start = 1.5 })',
    "op.create_sequence: option start must be an integer, got a float",
  },
  {
    'exclude { "room", "=" }',
    'exclude: the columns must be a list of elements with their operators ({ { "room", "=" } }), '
      .. "got a list whose entry 1 is a string",
  },
  {
    'op.add_column("people", "first_name")',
    'op.add_column: argument 2 must be a column (column("name", types.text())), got a string',
  },
  { "op.drop_table()", "op.drop_table: argument 1 must be a name (a string that is not empty), got nothing" },
  { 'op.drop_table("")', "op.drop_table: argument 1 must be a name (a string that is not empty), got an empty string" },
  { 'op.drop_table("a", "b")', "op.drop_table: argument 2 must be a table of options, got a string" },
  { 'op.drop_table("a", {}, {})', "op.drop_table: takes 2 arguments, got 3" },
  {
    'op.drop_table("a", { if_exist = true })',
    'op.drop_table: unknown option "if_exist"; did you mean "if_exists"? (known: if_exists, schema)',
  },
  {
    'op.drop_table("a", { zzzzzz = true })',
    'op.drop_table: unknown option "zzzzzz" (known: if_exists, schema)',
  },
  {
    'op.drop_table("a", { "if_exists" })',
    "op.drop_table: the options must have names, got a string (if_exists) at number 1",
  },
  {
    'op.drop_table("a", { if_exists = "yes" })',
    "op.drop_table: option if_exists must be true or false, got a string",
  },
  {
    'op.create_table("t", column("id", types.integer()))',
    'op.create_table: argument 2 must be a list of columns and constraints '
      .. '({ column("id", types.integer()), unique { "a" } }), got a column',
  },
  {
    'op.create_index("i", "t", "a")',
    'op.create_index: argument 3 must be a list of column names or expressions ({ "a", sql "lower(b)" }), got a string',
  },
  { 'column("a", "text")', "column: argument 2 must be a type (types.text()), got a string" },
  { 'column("a", types.text)', "column: argument 2 must be a type (types.text()), got a function" },
  {
    'column("a", types.text(), { nulable = true })',
    'column: unknown option "nulable"; did you mean "nullable"? (known: autoincrement, check, comment, computed, '
      .. "default, foreign_key, identity, index, nullable, on_conflict_not_null, on_conflict_primary_key, "
      .. "on_conflict_unique, primary_key, references, server_default, unique)",
  },
  {
    'column("a", types.text(), { default = "x" })',
    "column: default is a value that a program fills in, and a migration has none; "
      .. 'for a default of the database write server_default = "..."',
  },
  {
    'column("a", types.text(), { server_default = {} })',
    'column: option server_default must be a string, a number, a boolean or sql "...", got a table',
  },
  {
    'column("a", types.integer(), { references = "o" })',
    'column: the referenced column must be "table.column", got "o"',
  },
  {
    'column("a", types.integer(), { references = { "o.id", ondelete = "destroy" } })',
    'column: references: option ondelete must be "CASCADE", "RESTRICT", "NO ACTION", "SET NULL" or "SET DEFAULT", '
      .. 'got "destroy"',
  },
  {
    'column("a", types.text(), { computed = { "x", persist = true } })',
    'column: computed: unknown option "persist"; did you mean "persisted"? (known: persisted)',
  },
  {
    'column("a", types.integer(), { computed = "1", identity = true })',
    "column: a computed column has no identity",
  },
  {
    'op.alter_column("t", "a", { identity = { strt = 3 } })',
    'op.alter_column: identity: unknown option "strt"; did you mean "start"? '
      .. "(known: always, cache, cycle, increment, maxvalue, minvalue, restart, start)",
  },
  {
    'op.alter_column("t", "a", { existing_identity = { cycle = 1 } })',
    "op.alter_column: existing_identity: option cycle must be true or false, got an integer",
  },
  {
    'op.alter_column("t", "a", { computed = { "x", stored = true } })',
    'op.alter_column: computed: unknown option "stored" (known: persisted)',
  },
  {
    'op.alter_column("t", "a", { using = "a + 1" })',
    "op.alter_column: using says how values become those of another type, and type_ is missing",
  },
  { 'foreign_key({ "a" }, { "b.c" }, 7)', "foreign_key: argument 3 must be a table of options, got an integer" },
  { 'foreign_key({ "a" }, { "b.c" }, {}, {})', "foreign_key: takes 3 arguments, got 4" },
  {
    'op.create_enum("m", { "a", "b", "a" })',
    'op.create_enum: argument 2 must be a list of strings ({ "a", "b" }), got a list with "a" in it twice',
  },
  {
    'op.alter_enum("m", { "a", "a" })',
    'op.alter_enum: argument 2 must be a list of strings ({ "a", "b" }), got a list with "a" in it twice',
  },
  {
    'op.alter_enum("m", { "a" }, { rename = { b = "c" } })',
    'op.alter_enum: rename: "b" shall be called "c", which is not among the values',
  },
  {
    'op.batch_alter_table("t", function() end, { table_kwargs = { postgresql_wth = {} } })',
    'op.batch_alter_table: table_kwargs: unknown option "postgresql_wth"; did you mean "postgresql_with"? '
      .. "(known: comment, if_not_exists, info, inherits, on_commit, partition_by, prefixes, schema, tablespace, with, "
      .. "postgresql_inherits, postgresql_on_commit, postgresql_partition_by, postgresql_tablespace, postgresql_with)",
  },
  {
    'op.batch_alter_table("t", function(batch) batch.add_colum(1) end)',
    "batch.add_colum: no such operation in a batch; did you mean batch.add_column?",
  },
  { 'foreign_key { "a" }', 'foreign_key: references = "table.column" is missing' },
  {
    'foreign_key("a")',
    'foreign_key: must be written as foreign_key { "column", references = "table.column" }, got a string',
  },
  { 'foreign_key { "a", "b", references = "o.id" }', "foreign_key: 2 columns refer to 1" },
  {
    'foreign_key { "a", "b", references = { "o.id", "p.id" } }',
    "foreign_key: the referenced columns must be of one table, got o.id and p.id",
  },
  {
    'unique { "a", 5 }',
    'unique: the columns must be a list of names ({ "a", "b" }), got a list whose entry 2 is an integer',
  },
  { "unique {}", 'unique: the columns must be a list of names ({ "a", "b" }), got an empty list' },
  { 'unique { "a", nmae = "x" }', 'unique: unknown option "nmae"; did you mean "name"? '
    .. "(known: comment, deferrable, include, initially, name, nulls_not_distinct, on_conflict)" },
  { 'types.varchar("40")', "types.varchar: argument 1 must be an integer from 0, got a string" },
  { "types.numeric(nil, 2)", "types.numeric: a scale needs a precision (types.numeric(10, 2))" },
  { 'types.enum("mood", {})', 'types.enum: argument 2 must be a list of strings ({ "a", "b" }), got an empty list' },
  {
    'column("a", types.text(), { server_default = sql " " })',
    'column: option server_default must be a string, a number, a boolean or sql "...", got sql ""',
  },
  {
    'types.enum("mood", { "a", "a" })',
    'types.enum: argument 2 must be a list of strings ({ "a", "b" }), got a list with "a" in it twice',
  },
  {
    'types.enum("mood", { 1 })',
    'types.enum: argument 2 must be a list of strings ({ "a", "b" }), got a list whose entry 1 is an integer',
  },
  { "types.integer(4)", "types.integer: takes 0 arguments, got 1" },
  { "sql(5)", "sql: argument 1 must be a string, got a number" },
  { "blob()", "blob: argument 1 must be a string, got nothing" },
  {
    'op.execute("SELECT 1", "x")',
    "op.execute: argument 2 must be a list of values or a table of named values, got a string",
  },
  { 'op.execute(" ")', 'op.execute: argument 1 must be an SQL text ("a > 0" or sql "a > 0"), got a string' },
  {
    'op.bulk_insert("t", { a = 1 })',
    "op.bulk_insert: argument 2 must be a list of rows ({ { name = value }, ... }), got a table with the name a in it",
  },
}

describe("a wrong call", function()
  for _, case in ipairs(cases) do
    it(case[1], function()
      assert.are.equal("script:2: " .. case[2], complaint(case[1]))
    end)
  end

  it("names the options of the database at hand", function()
    local problem = complaint('op.create_table("t", {}, { sqlite_strikt = true })', "sqlite")
    assert.is_truthy(problem:find('did you mean "sqlite_strict"', 1, true), problem)
    problem = complaint('op.create_index("i", "t", { "a" }, { postgresql_usin = "gin" })')
    assert.is_truthy(problem:find('unknown option "postgresql_usin"', 1, true), problem)
  end)

  it("passes over options of other databases", function()
    assert.is_table(helper.run('op.create_table("t", {}, { mysql_engine = "InnoDB" })', "postgresql"))
    assert.is_table(helper.run('op.create_table("t", {}, { sqlite_strikt = true })', "postgresql"))
  end)

  it("is at the script's line too where the dialect refuses", function()
    assert.are.equal(
      "script:2: op.create_table: SQLite has no arrays; store the list as types.json()",
      complaint('op.create_table("t", { column("a", types.array(types.text())) })', "sqlite")
    )
  end)
end)
