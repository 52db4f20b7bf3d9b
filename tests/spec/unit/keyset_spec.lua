-- The SQL of batched backfills: its text, that real planners walk the key's index with it, and what it does to rows.

local helper = dofile("tests/spec/unit/helper.lua")
local sql = require("moonbird.sql")

local postgres, sqlite = helper.dialect("postgresql"), helper.dialect("sqlite")

local one = { table = "people", key = { "id" }, key_types = { "integer" }, columns = { "full_name" } }
local two = {
  table = "Odd",
  schema = "s",
  key = { "a", "select" },
  key_types = { "text", "character varying(3)" },
  columns = {},
  where = "note ? 'x?' -- all",
}

describe("keyset SQL", function()
  it("asks for the ends of the key", function()
    assert.are.equal("SELECT id FROM people ORDER BY id LIMIT 1", postgres:first_key(one))
    assert.are.equal('SELECT a, "select" FROM s."Odd" ORDER BY a DESC, "select" DESC LIMIT 1', sqlite:last_key(two))
  end)

  it("hops without the filter", function()
    assert.are.equal(
      "SELECT id FROM people WHERE id >= CAST(? AS integer) AND id <= CAST(? AS integer) ORDER BY id LIMIT 1 OFFSET ?",
      postgres:hop(one, "first")
    )
    assert.are.equal(
      'SELECT a, "select" FROM s."Odd" WHERE (a, "select") > (?, ?) AND (a, "select") <= (?, ?) '
        .. 'ORDER BY a, "select" LIMIT 1 OFFSET ?',
      sqlite:hop(two, "after")
    )
  end)

  it("reads pages with the filter in brackets, whose question marks are no placeholders", function()
    assert.are.equal(
      "SELECT id, full_name FROM people WHERE id > CAST(? AS integer) AND id <= CAST(? AS integer) "
        .. "ORDER BY id LIMIT ? FOR NO KEY UPDATE",
      postgres:page(one, "after", true, true)
    )
    assert.are.equal(
      'SELECT a, "select" FROM s."Odd" '
        .. 'WHERE (a, "select") >= (CAST(? AS text), CAST(? AS character varying)) '
        .. 'AND (a, "select") <= (CAST(? AS text), CAST(? AS character varying)) '
        .. "AND (note ?? 'x?' -- all\n) ORDER BY a, \"select\"",
      postgres:page(two, "first", false, false)
    )
    assert.are.equal(
      "SELECT id, full_name FROM people WHERE id > ? AND id <= ? ORDER BY id",
      sqlite:page(one, "after", false, true)
    )
  end)

  it("writes pages with arrays on PostgreSQL", function()
    local update = postgres:update_rows(one, {
      { name = "first_name", type = "text", transport = "text" },
      { name = "age", type = "smallint", transport = "int64" },
    })
    assert.are.equal(
      "UPDATE people AS t SET first_name = u.c1, age = u.c2::smallint "
        .. "FROM unnest(?::bigint[], ?::text[], ?::bigint[]) AS u (k1, c1, c2) WHERE t.id = u.k1::integer "
        .. "AND t.id >= ($1::bigint[])[1]::integer AND t.id <= ($1::bigint[])[cardinality($1::bigint[])]::integer",
      update.sql
    )
    assert.are.equal("arrays", update.bind)
    assert.are.same({ "int64", "text", "int64" }, update.transports)
    assert.are.equal(
      'DELETE FROM s."Odd" AS t USING unnest(?::text[], ?::text[]) AS u (k1, k2) '
        .. 'WHERE t.a = u.k1 AND t."select" = u.k2::character varying '
        .. 'AND (t.a, t."select") >= (($1::text[])[1]::text, ($2::text[])[1]::character varying) '
        .. 'AND (t.a, t."select") <= (($1::text[])[cardinality($1::text[])]::text, '
        .. "($2::text[])[cardinality($2::text[])]::character varying)",
      postgres:delete_rows(two).sql
    )
    assert.are.equal(
      "INSERT INTO s.t (a, b) SELECT u.c1::numeric, u.c2 FROM unnest(?::text[], ?::bytea[]) AS u (c1, c2)",
      postgres:insert_rows("t", "s", {
        { name = "a", type = "numeric(3,1)", transport = "text" },
        { name = "b", type = "bytea", transport = "bytes" },
      }).sql
    )
  end)

  it("writes rows on SQLite from the driver's table or one by one, parameters in the same order", function()
    local update = sqlite:update_rows(two, { { name = "x", type = "BLOB", transport = "bytes" } })
    assert.are.equal(
      'UPDATE s."Odd" AS t SET x = r.c3 FROM moonbird_rows AS r WHERE t.a = r.c1 AND t."select" = r.c2',
      update.sql
    )
    assert.are.equal('UPDATE s."Odd" SET x = ?3 WHERE a = ?1 AND "select" = ?2', update.single)
    assert.are.equal("each", update.bind)
    assert.are.same({ "any", "any", "bytes" }, update.transports)
    assert.are.equal('DELETE FROM s."Odd" WHERE a = ?1 AND "select" = ?2', sqlite:delete_rows(two).sql)
    local columns = { { name = "a", transport = "any" }, { name = "b", transport = "any" } }
    local insert = sqlite:insert_rows("t", nil, columns)
    assert.are.equal("INSERT INTO t (a, b) VALUES (?1, ?2)", insert.sql)
  end)

  it("updates a range where something differs", function()
    local set = { b = sql("lower(b)"), a = "it's" }
    assert.are.equal(
      "UPDATE people SET a = 'it''s', b = (lower(b)) WHERE id > ? AND id <= ? "
        .. "AND (a IS NOT 'it''s' OR b IS NOT (lower(b)))",
      sqlite:update_range(one, set, "after")
    )
    local typed = setmetatable({ column_types = { a = "json", b = "numeric(5,1)" } }, { __index = one })
    assert.are.equal(
      "UPDATE people SET a = 'it''s', b = (lower(b)) WHERE id > CAST(? AS integer) AND id <= CAST(? AS integer) "
        .. "AND (CAST(a AS text) IS DISTINCT FROM CAST('it''s' AS text) "
        .. "OR b IS DISTINCT FROM CAST((lower(b)) AS numeric(5,1)))",
      postgres:update_range(typed, set, "after")
    )
  end)

  it("doubles question marks where the scanner of placeholders would see them", function()
    local expected = {
      ["a ? b"] = "a ?? b",
      ["a ?| b -- ?"] = "a ??| b -- ?",
      ["-- ?\na ? b"] = "-- ?\na ?? b",
      ["/* ? */ a ? '?'"] = "/* ? */ a ?? '?'",
      ["$$ ? $$ ? $x$ ? $$ ? $x$"] = "$$ ? $$ ?? $x$ ? $$ ? $x$",
      ['"a?" ? b'] = '"a?" ?? b',
      ["'it''s ?' ? $1"] = "'it''s ?' ?? $1",
    }
    for given, wanted in pairs(expected) do
      assert.are.equal(wanted, postgres:verbatim(given))
    end
  end)

  it("begins and claims", function()
    assert.are.equal(
      "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 2000; SET LOCAL statement_timeout = 10000; "
        .. "SET LOCAL idle_in_transaction_session_timeout = 60000; SET LOCAL synchronous_commit = off; "
        .. "SET LOCAL plan_cache_mode = force_custom_plan",
      postgres:batch_begin({ lock_timeout_ms = 2000, statement_timeout_ms = 10000, idle_timeout_ms = 60000 })
    )
    assert.are.equal("BEGIN IMMEDIATE", sqlite:batch_begin({ lock_timeout_ms = 2000 }))
    assert.are.equal("SET LOCAL synchronous_commit = on", postgres:batch_sync())
    assert.is_nil(sqlite:batch_sync())
    assert.are.equal(" FOR UPDATE", postgres:claim())
    assert.are.equal(" FOR UPDATE OF moonbird_backfill_range", postgres:claim('"S.x".moonbird_backfill_range'))
    assert.are.equal(' FOR UPDATE OF "a.b"', postgres:claim('s."a.b"'))
    assert.are.equal(" FOR UPDATE OF r SKIP LOCKED", postgres:claim("r", true))
    assert.are.equal("", sqlite:claim("x"))
  end)

  it("strips modifiers from type names but not from quoted names", function()
    local expected = {
      ["character varying(40)"] = "character varying",
      ["character(3)"] = "bpchar",
      ["character(3)[]"] = "bpchar[]",
      ["bit(3)"] = '"bit"',
      ["bit varying(3)"] = "bit varying",
      ["timestamp(0) with time zone"] = "timestamp with time zone",
      ["interval day to second(2)"] = "interval",
      ["numeric(10,2)[]"] = "numeric[]",
      ['s."odd(3)"'] = 's."odd(3)"',
      ["public.geometry(Point,4326)"] = "public.geometry",
      ["double precision"] = "double precision",
    }
    for given, wanted in pairs(expected) do
      assert.are.equal(wanted, postgres:cast_type(given))
    end
  end)
end)

-- --- real planners, 100,000 rows ---

local ROWS = 100000
local MARGIN = 1000

local shapes = {
  { name = "bigint", ddl = "bigint", types = { "bigint" }, value = "i" },
  { name = "int4", ddl = "integer", types = { "integer" }, value = "i" },
  { name = "text", ddl = "text", types = { "text" }, value = "lpad(i::text, 9, '0')" },
  { name = "varchar", ddl = "varchar(20)", types = { "character varying(20)" }, value = "lpad(i::text, 9, '0')" },
  { name = "uuid", ddl = "uuid", types = { "uuid" }, value = "md5(i::text)::uuid" },
  {
    name = "stamp",
    ddl = "timestamptz",
    types = { "timestamp with time zone" },
    value = "'2020-01-01'::timestamptz + i * interval '1 min'",
  },
  { name = "numeric", ddl = "numeric(12)", types = { "numeric(12,0)" }, value = "i" },
}

local function describe_table(shape)
  local t = { schema = "mb_plan", columns = { "x" } }
  if shape == "composite" then
    t.table, t.key, t.key_types = "composite", { "a", "b" }, { "text", "integer" }
  else
    t.table, t.key, t.key_types = "t_" .. shape.name, { "id" }, shape.types
  end
  return t
end

-- As the driver declares parameters: int4 or int8 by their size, text without a type, arrays by their transport.
local function declared(t, integer)
  local list = {}
  for index, name in ipairs(t.key_types) do
    list[index] = postgres:transport(name) == "int64" and integer or "unknown"
  end
  return list
end

local function joined(a, b, c)
  local list = {}
  for _, part in ipairs({ a, b, c or {} }) do
    for _, entry in ipairs(part) do
      list[#list + 1] = entry
    end
  end
  return list
end

-- The plans of a list of { text, types, values }, in one run of the shell.
local function plans(list, mode)
  local lines = { "SET plan_cache_mode = " .. mode .. ";" }
  for index, entry in ipairs(list) do
    local number = 0
    local text = entry[1]:gsub("%?", function()
      number = number + 1
      return "$" .. number
    end)
    local types, values = table.concat(entry[2], ", "), table.concat(entry[3], ", ")
    lines[#lines + 1] = "\\echo === " .. index
    lines[#lines + 1] = ("PREPARE p%d (%s) AS %s;"):format(index, types, text)
    lines[#lines + 1] = ("EXPLAIN EXECUTE p%d (%s);"):format(index, values)
  end
  local output, problems = helper.feed("postgresql", table.concat(lines, "\n"))
  assert.are.equal("", problems)
  local texts = {}
  for line in output:gmatch("[^\n]+") do
    if line:find("^=== ") then
      texts[#texts + 1] = ""
    else
      texts[#texts] = texts[#texts] .. line .. "\n"
    end
  end
  assert.are.equal(#list, #texts)
  return texts
end

if helper.has_database("postgresql") then
  describe("PostgreSQL's planner", function()
    local db = helper.connection("postgresql")

    setup(function()
      db:exec("SET client_min_messages = warning; DROP SCHEMA IF EXISTS mb_plan CASCADE; CREATE SCHEMA mb_plan;")
      for _, shape in ipairs(shapes) do
        local place = "mb_plan.t_" .. shape.name
        db:exec(([[
          CREATE TABLE %s (id %s PRIMARY KEY, x text, n integer);
          INSERT INTO %s SELECT %s, 'row', i FROM generate_series(1, %d) AS i; ANALYZE %s;]]):format(
          place,
          shape.ddl,
          place,
          shape.value,
          ROWS,
          place
        ))
      end
      db:exec(([[
        CREATE TABLE mb_plan.composite (a text, b integer, x text, n integer, PRIMARY KEY (a, b));
        INSERT INTO mb_plan.composite
          SELECT lpad((i / 100)::text, 6, '0'), i %% 100, 'row', i FROM generate_series(1, %d) AS i;
        ANALYZE mb_plan.composite;]]):format(ROWS))
    end)

    teardown(function()
      db:exec("SET client_min_messages = warning; DROP SCHEMA mb_plan CASCADE;")
    end)

    -- A key in the middle of the table and one `distance` rows on, as SQL literals.
    local function ends(t, distance)
      local names = postgres:ident_list(t.key)
      local place = postgres:table_name(t.table, t.schema)
      local values = {}
      for _, offset in ipairs({ ROWS // 2, ROWS // 2 + distance }) do
        local text = ("SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d"):format(names, place, names, offset)
        local row = db:query(text)[1]
        for _, name in ipairs(t.key) do
          values[#values + 1] = postgres:literal(row[name])
        end
      end
      return values
    end

    local function check_plans(list, mode, unwanted)
      for _, text in ipairs(plans(list, mode)) do
        assert.is_truthy(text:find("Index Cond"), text)
        for _, node in ipairs(unwanted) do
          assert.is_nil(text:find(node), text)
        end
      end
    end

    local function check_reads(t, integer, mode)
      local keys = joined(declared(t, integer), declared(t, integer))
      local near, far = ends(t, MARGIN), ends(t, ROWS // 2 - 1)
      local measured = { row_bytes = "octet_length(x)", columns = { "x" }, version = { "xmin" } }
      setmetatable(measured, { __index = t })
      local few, all = {}, {}
      for _, from in ipairs({ "first", "after" }) do
        few[#few + 1] = { postgres:hop(t, from), joined(keys, { integer }), joined(far, { "999" }) }
        few[#few + 1] = { postgres:page(t, from, true, true), joined(keys, { integer }), joined(far, { "1000" }) }
        few[#few + 1] = {
          postgres:versioned_piece(measured, from),
          joined(keys, { integer }),
          joined(far, { "1000" }),
        }
        all[#all + 1] = { postgres:page(t, from, false, false), keys, near }
        all[#all + 1] = { postgres:update_range(t, { x = sql("upper(x)") }, from), keys, near }
      end
      check_plans(few, mode, { "Seq Scan", "Bitmap", "Sort" })
      check_plans(all, mode, { "Seq Scan" })
    end

    -- A page of MARGIN keys as arrays.
    local function check_writes(t, mode)
      local place, types, values = postgres:table_name(t.table, t.schema), {}, {}
      for index, name in ipairs(t.key) do
        local is_integer = postgres:transport(t.key_types[index]) == "int64"
        local aggregate = ("SELECT array_agg(%s::%s)::text AS list FROM (SELECT * FROM %s LIMIT %d) AS q"):format(
          name,
          is_integer and "bigint" or "text",
          place,
          MARGIN
        )
        values[index] = postgres:literal(db:query(aggregate)[1].list)
        types[index] = is_integer and "bigint[]" or "text[]"
      end
      local texts = "array_fill('y'::text, ARRAY[" .. MARGIN .. "])"
      local update = postgres:update_rows(t, { { name = "x", type = "text", transport = "text" } })
      check_plans({
        { update.sql, joined(types, { "text[]" }), joined(values, { texts }) },
        { postgres:delete_rows(t).sql, types, values },
      }, mode, { "Seq Scan" })
    end

    for _, shape in ipairs(joined(shapes, { "composite" })) do
      local t = describe_table(shape)
      it("walks the key of " .. t.table, function()
        for _, mode in ipairs({ "force_custom_plan", "force_generic_plan" }) do
          check_reads(t, "int4", mode)
          check_reads(t, "int8", mode)
        end
        -- the mode that batch_begin sets
        check_writes(t, "force_custom_plan")
      end)
    end

    it("does not cut what is too long", function()
      db:exec("CREATE TABLE mb_plan.short (id int PRIMARY KEY, a varchar(3), b char(3), c bit(3), d numeric(4,1));")
      db:exec("INSERT INTO mb_plan.short (id) VALUES (1);")
      local t = { table = "short", schema = "mb_plan", key = { "id" }, key_types = { "integer" } }
      local columns = {}
      for index, column in ipairs(postgres:columns(db, "short", "mb_plan")) do
        columns[index - 1] = index > 1 and column or nil
      end
      local values = { "{1}", "{abcd}", "{ab}", "{101}", "{1.25}" }
      local update = postgres:update_rows(t, columns)
      local function run()
        local text = helper.inline({ text = update.sql, params = values }, postgres)
        return select(2, helper.feed("postgresql", text .. ";"))
      end
      assert.is_truthy(run():find("value too long for type character varying(3)", 1, true))
      values[2], values[3] = "{abc}", "{abcd}"
      assert.is_truthy(run():find("value too long for type character(3)", 1, true))
      values[3], values[4] = "{ab}", "{1011}"
      assert.is_truthy(run():find("bit string length 4 does not match type bit(3)", 1, true))
      values[4] = "{101}"
      assert.are.equal("", run())
      assert.are.same(
        { id = 1, a = "abc", b = "ab ", c = "101", d = 1.3 },
        db:query("SELECT * FROM mb_plan.short")[1]
      )
    end)

    -- 60 kB in full, less than one in the page.
    local wide = {
      { "text", "repeat('ab', 30000)" },
      { "bytea", "decode(repeat('ab', 60000), 'hex')" },
      { "jsonb", "jsonb_build_array(repeat('ab', 30000))" },
      { "text[]", "ARRAY[repeat('ab', 30000)]" },
      { "character varying(70000)", "repeat('ab', 30000)" },
    }
    local connection = {
      scalar = function(_, text)
        return select(2, next(db:query(text)[1]))
      end,
    }

    it("ends a piece by bytes, however small the values are in the table", function()
      for number, case in ipairs(wide) do
        local name = "w" .. number
        db:exec((([[
          CREATE TABLE mb_plan.w (b int PRIMARY KEY, x TYPE);
          INSERT INTO mb_plan.w SELECT i, VALUE FROM generate_series(10, 50) AS i;
          INSERT INTO mb_plan.w VALUES (1, NULL);]]):gsub("%f[%w]w%f[%W]", name):gsub("%u%u+", {
          TYPE = case[1],
          VALUE = case[2],
        })))
        local t = { table = name, schema = "mb_plan", key = { "b" }, columns = { "x" } }
        t.key_types, t.column_types = { "integer" }, { b = "integer", x = case[1] }
        t.row_bytes = postgres:row_bytes(connection, t)
        local piece = postgres:locked_piece(t, "first")
        local function keys(low, rows)
          local found = db:query(piece, low, 50, rows)
          return ("%d: %d to %d"):format(#found, found[1].b, found[#found].b)
        end
        assert.are.equal("19: 1 to 27", keys(1, 1000))
        assert.are.equal("5: 1 to 13", keys(1, 5))
        assert.are.equal("1: 50 to 50", keys(50, 1000))
      end
    end)

    it("measures nothing where no value can be wide", function()
      local t = { key = { "id" }, columns = { "a", "b", "c" } }
      t.column_types = { id = "uuid", a = "character varying(40)", b = "timestamp(3) with time zone", c = "boolean" }
      assert.are.equal(32, postgres:row_bytes(connection, t))
    end)
  end)
end

if helper.has_database("sqlite") then
  describe("SQLite's planner", function()
    local tables = {
      { "CREATE TABLE t (id INTEGER PRIMARY KEY, x)", { "id" } },
      { "CREATE TABLE t (id TEXT PRIMARY KEY, x)", { "id" } },
      { "CREATE TABLE t (a TEXT, b INTEGER, x, PRIMARY KEY (a, b))", { "a", "b" } },
      { "CREATE TABLE t (a TEXT, b INTEGER, x, PRIMARY KEY (a, b)) WITHOUT ROWID", { "a", "b" } },
    }

    -- A plain table stands for the driver's table of parameters.
    local rows = "CREATE TABLE moonbird_rows (c1, c2, c3)"

    local function plan_of(ddl, text)
      local lines = { ddl .. ";", rows .. ";", ".explain off", "EXPLAIN QUERY PLAN " .. text .. ";" }
      local output, problems = helper.feed("sqlite", table.concat(lines, "\n"))
      assert.are.equal("", problems)
      return output
    end

    for _, row in ipairs(tables) do
      it("walks the key of " .. row[1], function()
        local t = { table = "t", key = row[2], key_types = {}, columns = { "x" } }
        for index in ipairs(t.key) do
          t.key_types[index] = "TEXT"
        end
        local texts = {
          sqlite:hop(t, "first"),
          sqlite:hop(t, "after"),
          sqlite:page(t, "after", true, true),
          sqlite:update_range(t, { x = 1 }, "after"),
          sqlite:update_rows(t, { { name = "x", transport = "any" } }).sql,
          sqlite:delete_rows(t).sql,
        }
        for _, text in ipairs(texts) do
          local output = plan_of(row[1], text)
          assert.is_truthy(output:find("SEARCH t"), output)
          assert.is_nil(output:find("TEMP B%-TREE"), output)
        end
      end)
    end

    it("meets every row once by hops", function()
      local path = os.tmpname()
      local db = helper.connection("sqlite", path)
      db:exec([[
        CREATE TABLE t (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 24)
        INSERT INTO t SELECT char(97 + i % 3), i FROM n;]])
      local t = { table = "t", key = { "a", "b" }, key_types = { "TEXT", "INTEGER" } }
      local last = db:query(sqlite:last_key(t))[1]
      local low, from, seen = db:query(sqlite:first_key(t))[1], "first", 0
      while low do
        local high = db:query(sqlite:hop(t, from), low.a, low.b, last.a, last.b, 6)[1] or last
        seen = seen + #db:query(sqlite:page(t, from, false, false), low.a, low.b, high.a, high.b)
        low, from = (high.a ~= last.a or high.b ~= last.b) and high or nil, "after"
      end
      assert.are.equal(25, seen)
      os.remove(path)
    end)
  end)
end
