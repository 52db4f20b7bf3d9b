-- What a batch of a backfill refuses: that what it finds is there, and that it finds nothing else.
local helper = dofile("tests/spec/unit/helper.lua")

describe("a batch", function()
  local host = require("moonbird.host")
  local forbidden = require("moonbird.forbidden")

  setup(function()
    host.dialect = helper.dialect("postgresql")
    host.sql_statements = function(text)
      return { text }
    end
  end)
  teardown(function()
    host.dialect, host.sql_statements = nil, nil
  end)

  local function check(list, wanted)
    for _, text in ipairs(list) do
      assert.are.same({ text, wanted }, { text, (forbidden.find(text)) })
    end
  end

  it("refuses SELECT ... INTO, which makes a table", function()
    check({
      "SELECT * INTO copies FROM people",
      "select id, (select max(x) from t) into temp copies from people",
      "SELECT 1 /* a */ INTO -- b\n t",
      "WITH n AS (INSERT INTO log VALUES (1) RETURNING id) SELECT id INTO t FROM n",
      "(SELECT 1 INTO t)",
      "SELECT 'INTO' INTO t",
    }, "SELECT ... INTO")
  end)

  it("lets INTO be what it is elsewhere", function()
    check({
      "SELECT 1",
      "SELECT 'a INTO b', $$INTO$$, \"INTO\" FROM people -- INTO\n",
      "SELECT a AS into, t.into FROM t",
      "WITH n AS (SELECT 1) INSERT INTO t SELECT * FROM n",
      "WITH n AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM n",
      "WITH n AS (SELECT 1) MERGE INTO t USING n ON true WHEN MATCHED THEN DELETE",
      "INSERT INTO t SELECT 1",
      "(SELECT 1) UNION (SELECT 2)",
    }, nil)
  end)

  local function blocks(bodies)
    local list = {}
    for index, body in ipairs(bodies) do
      list[index] = "DO $$ " .. body .. " $$"
    end
    return list
  end

  it("looks into DO blocks, where a statement begins", function()
    check(
      blocks({
        "BEGIN CREATE TABLE t (a int); END",
        "DECLARE n int := 1; BEGIN n := 2; create index on t (a); END",
        "BEGIN IF CASE WHEN a THEN b ELSE c END THEN CREATE TABLE t (); END IF; END",
        "BEGIN FOR r IN SELECT * FROM t LOOP CREATE TABLE t (); END LOOP; END",
        "BEGIN NULL; EXCEPTION WHEN others THEN CREATE TABLE t (); END",
        "<<outer>> BEGIN CREATE TABLE t (); END",
        "#variable_conflict use_column\nBEGIN CREATE TABLE t (); END",
        "BEGIN CASE x WHEN 1 THEN NULL; ELSE CREATE TABLE t (); END CASE; END",
        "BEGIN EXECUTE 'CREATE TABLE t ()'; END",
        "BEGIN EXECUTE format('create table %I ()', name); END",
      }),
      "CREATE in a DO block"
    )
    check({ "DO LANGUAGE plpgsql 'BEGIN EXECUTE ''COMMIT''; END'" }, "COMMIT in a DO block")
    check(blocks({ "BEGIN LOOP COMMIT; END LOOP; END", "BEGIN ROLLBACK_IT(); COMMIT; END" }), "COMMIT in a DO block")
    check(blocks({ "BEGIN SET search_path = x; END" }), "SET in a DO block")
    check(blocks({ "BEGIN DROP TABLE t; END" }), "DROP in a DO block")
    check({ "DO $body$BEGIN ALTER TABLE t ADD b int; END$body$ LANGUAGE plpgsql" }, "ALTER in a DO block")
  end)

  it("lets a block do what a batch may do", function()
    check(
      blocks({
        "BEGIN UPDATE t SET a = 1; END",
        "DECLARE n int; BEGIN SELECT count(*) INTO n FROM t; END",
        "DECLARE comment text; cluster int; BEGIN comment := 'CREATE'; cluster = 1; set.a := 2; END",
        "BEGIN x := CASE WHEN a THEN comment ELSE reset END; END",
        "BEGIN PERFORM 'COMMIT'; -- CREATE\n /* DROP; ALTER */ END",
        "BEGIN SET LOCAL lock_timeout = '1s'; EXECUTE 'UPDATE t SET a = 1'; END",
        "BEGIN FOR r IN EXECUTE 'SELECT 1' LOOP RAISE NOTICE 'DROP'; END LOOP; END",
        "BEGIN IF EXISTS (SELECT 1) THEN RETURN; END IF; END",
        "BEGIN INSERT INTO t VALUES ('a''b; DROP TABLE t'); END",
        "BEGIN",
        "",
      }),
      nil
    )
    check({ "DO LANGUAGE plperl $$ COMMIT; $$", "DO $$ COMMIT; $$ LANGUAGE \"plpython3u\"", "DO" }, nil)
  end)
end)
