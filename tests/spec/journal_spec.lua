-- What a revision leaves behind when it fails, is taken up again, or does what it should not: commit points, caught
-- errors, transactions that are gone. Kills at random instants are in interrupt_spec.lua.
local moonbird = require("support.moonbird")

-- Lua that fails until the file `go` is there.
local GATE = '  assert(io.open("go"), "not yet")'

local TABLE_AND_BACKFILL = [[
  op.create_table("t", { column("id", types.integer(), { primary_key = true }), column("n", types.integer()) })
  for id = 1, 5 do db:exec("INSERT INTO t (id, n) VALUES (?, 0)", id) end
  op.backfill { table = "t", row = function(r) return { n = r.n + 1 } end }
]]

-- Two runners: the lock's connection of the one that has it.
local function end_lock_connection_of_holder(p)
  p:sql("SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid "
    .. "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()")
end

describe("the journal", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    local function go()
      p:write("go", "")
    end

    local function applied()
      return p:has_table("moonbird_version") and p:sql("SELECT count(*) FROM moonbird_version") or "0"
    end

    it("goes on in a transaction after an error of op.autocommit_block that the script catches", function()
      p:people(3)
      p:revision("a1", nil, [[
  assert(not pcall(op.autocommit_block, function() error("nothing") end))
  op.execute("UPDATE people SET counter = 1")
  op.execute("UPDATE nobody SET counter = 1")]])
      p:fails(7, "upgrade head")
      assert.equals("0", p:sql("SELECT sum(counter) FROM people"))
    end)

    it("runs op.autocommit_block outside of the transaction, once", function()
      local vacuum = kind == "postgres" and "VACUUM t" or "VACUUM"
      p:revision("a1", nil, ([[
  op.create_table("t", { column("id", types.integer(), { primary_key = true }), column("n", types.integer()) })
  op.autocommit_block(function()
    db:exec("%s")
    db:exec("INSERT INTO t (id, n) VALUES (1, 1)")
  end)
  db:exec("INSERT INTO t (id, n) VALUES (2, 2)")
]]):format(vacuum) .. GATE)
      p:fails(7, "upgrade head")
      assert.equals("1", p:sql("SELECT count(*) FROM t"))
      go()
      p:ok("upgrade head")
      assert.equals("2|3", p:sql("SELECT count(*), sum(n) FROM t"))
      assert.equals("0", p:sql("SELECT count(*) FROM moonbird_journal"))
    end)

    if kind == "postgres" then
      local function end_lock_connection()
        moonbird.wait_until("the lock's connection is there", 10, function()
          return p:sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = "
            .. "'moonbird:lock' AND datname = current_database() AND pid IN "
            .. "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)") == "1"
        end)
      end

      it("takes the lock again when its connection was lost", function()
        p:revision("a1", nil, 'db:query("SELECT pg_sleep(2)")\nop.execute("CREATE TABLE t (a int)")')
        local run = p:start("upgrade head")
        end_lock_connection()
        run:wait(20)
        assert.equals(0, run.code)
        assert.truthy(run.err:find("the lock is taken again", 1, true), run.err)
        assert.equals("1", applied())
      end)

      it("commits nothing when somebody else got the lock meanwhile", function()
        p:revision("a1", nil, 'db:query("SELECT pg_sleep(2)")\nop.execute("CREATE TABLE IF NOT EXISTS t (a int)")')
        local first = p:start("upgrade head")
        moonbird.sleep(0.7)
        local second = p:start("upgrade head")
        moonbird.sleep(0.7)
        end_lock_connection_of_holder(p)
        first:wait(30)
        second:wait(30)
        assert.equals(5, first.code, first.err)
        assert.equals(0, second.code, second.err)
        assert.equals("1", p:sql("SELECT count(*) FROM moonbird_log WHERE outcome = 'done'"))
      end)
    end

    it("gives a caught failure back with its SQLSTATE, so that the script takes the same way", function()
      p:sql("CREATE TABLE u (id integer PRIMARY KEY)")
      p:revision("a1", nil, TABLE_AND_BACKFILL:gsub("^", [[
  local ok, problem = pcall(db.transaction, db, function()
    db:exec("INSERT INTO u VALUES (1)")
    db:exec("INSERT INTO u VALUES (1)")
  end)
  assert(not ok)
  if problem.sqlstate:sub(1, 2) == "23" then db:exec("INSERT INTO u VALUES (7)") end
]], 1) .. GATE)
      p:fails(7, "upgrade head")
      go()
      p:ok("upgrade head")
      assert.equals("7", p:sql("SELECT id FROM u"))
      assert.equals("5|5", p:sql("SELECT count(*), sum(n) FROM t"))
      assert.equals("0", p:sql("SELECT count(*) FROM moonbird_journal"))
    end)

    it("writes statements with long texts and accents at any place", function()
      local texts = {}
      for blanks = 0, 3 do
        local text = "INSERT INTO u VALUES ('" .. ("x"):rep(blanks) .. ("é€😀"):rep(20) .. "')"
        texts[#texts + 1] = ("db:exec(%q)"):format(text)
      end
      p:sql("CREATE TABLE u (a text)")
      p:revision("a1", nil, table.concat(texts, "\n") .. "\n" .. TABLE_AND_BACKFILL)
      p:ok("upgrade head")
      assert.equals("4", p:sql("SELECT count(*) FROM u"))
    end)

    it("takes the text of a script into the log, whatever bytes it has", function()
      p:revision("a1", nil, 'op.execute("SELECT 1")', nil, { before = "-- caf\xe9 \0 \xff" })
      p:ok("upgrade head")
      local text = p:sql("SELECT applied_text FROM moonbird_log")
      assert.truthy(text:find("-- caf? ? ?", 1, true), text)
    end)

    it("runs verify() again when it failed after a commit point", function()
      p:revision("a1", nil, TABLE_AND_BACKFILL, nil, { before = "function verify()\n" .. GATE .. "\nend" })
      p:fails(7, "upgrade head")
      assert.equals("0", applied())
      go()
      p:ok("upgrade head")
      assert.equals("5", p:sql("SELECT sum(n) FROM t"))
    end)

    it("takes all back when verify() fails without a commit point", function()
      p:revision("a1", nil, 'op.execute("CREATE TABLE t (a integer)")', nil,
        { before = 'function verify() error("wrong") end' })
      local run = p:fails(1, "upgrade head")
      assert.truthy(run.err:find("wrong", 1, true))
      assert.is_false(p:has_table("t"))
      assert.equals("0", applied())
    end)

    for _, text in ipairs({ "COMMIT", " rollback", "end;", "BEGIN", "START TRANSACTION" }) do
      it("refuses " .. text .. " in a script before it is done", function()
        p:revision("a1", nil, ('db:exec("CREATE TABLE t (a integer)")\n db:exec("%s")'):format(text))
        local run = p:fails(1, "upgrade head")
        assert.truthy(run.err:find("transactions are Moonbird's", 1, true), run.err)
        assert.is_false(p:has_table("t"))
      end)
    end

    it("stops at once, with exit code 7, when a script has ended its transaction behind its back", function()
      p:revision("a1", nil, [[
  db:exec("CREATE TABLE t (a integer); COMMIT")
  db:exec("CREATE TABLE u (a integer)")]])
      local run = p:fails(7, "upgrade head")
      assert.truthy(run.err:find("transaction of the revision is gone", 1, true), run.err)
      assert.is_false(p:has_table("u"))
      assert.equals("0", applied())
    end)

    it("does not go on in a transaction that is gone, even when the script catches the error", function()
      p:revision("a1", nil, [[
  pcall(db.exec, db, "CREATE TABLE t (a integer); COMMIT")
  pcall(db.exec, db, "CREATE TABLE u (a integer)")]])
      p:fails(7, "upgrade head")
      assert.is_false(p:has_table("u"))
      assert.equals("0", applied())
    end)

    it("fails as a whole, with exit code 1, when the commit at a commit point fails", function()
      p:sql("CREATE TABLE parent (id integer PRIMARY KEY)")
      p:sql("CREATE TABLE u (pid integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
      p:revision("a1", nil, 'db:exec("INSERT INTO u VALUES (99)")\n' .. TABLE_AND_BACKFILL)
      p:fails(1, { "--url", p.url .. (kind == "sqlite" and "?foreign_keys=on" or ""), "upgrade", "head" })
      assert.is_false(p:has_table("t"))
      assert.is_false(p:has_table("moonbird_journal"))
    end)

    describe("of a revision without a transaction", function()
      local options = { header = "transaction = false" }

      it("keeps what was done, and goes on behind it", function()
        p:sql("CREATE TABLE u (a integer)")
        p:revision("a1", nil, [[
  db:exec("INSERT INTO u VALUES (1)")
  db:transaction(function() db:exec("INSERT INTO u VALUES (2)") end)
  pcall(db.exec, db, "INSERT INTO missing VALUES (1)")
  db:exec("INSERT INTO u VALUES (3)")
]] .. GATE .. '\n db:exec("INSERT INTO u VALUES (4)")', nil, options)
        p:fails(7, "upgrade head")
        assert.equals("6", p:sql("SELECT sum(a) FROM u"))
        go()
        p:ok("upgrade head")
        assert.equals("4|10", p:sql("SELECT count(*), sum(a) FROM u"))
        assert.equals("0", p:sql("SELECT count(*) FROM moonbird_journal"))
      end)

      it("repeats a statement that failed outside of a transaction when its cause is mended", function()
        local outside = kind == "postgres" and "CREATE UNIQUE INDEX CONCURRENTLY i ON u (a)"
          or "VACUUM INTO 'missing/x'"
        p:sql("CREATE TABLE u (a integer)")
        p:sql("INSERT INTO u VALUES (1)")
        p:sql("INSERT INTO u VALUES (1)")
        p:revision("a1", nil, ('db:exec("INSERT INTO u VALUES (5)")\n db:exec("%s")'):format(outside), nil, options)
        p:fails(7, "upgrade head")
        if kind == "postgres" then
          p:sql("DROP INDEX i")
          p:sql("DELETE FROM u WHERE a = 1")
        else
          os.execute("mkdir " .. p:path("missing"))
        end
        p:ok("upgrade head")
        assert.equals("1", p:sql("SELECT count(*) FROM u WHERE a = 5"))
      end)

      it("is not put into the transaction that the revisions share", function()
        p:remove()
        p = moonbird.project(kind, "transaction_per_migration = false\n")
        p:revision("a1", nil, 'op.execute("CREATE TABLE u (a integer)")')
        p:revision("a2", "a1", 'op.execute("VACUUM")', nil, options)
        p:revision("a3", "a2", 'op.execute("INSERT INTO u VALUES (1)")')
        p:ok("upgrade head")
        assert.equals("a3", p:sql("SELECT version_num FROM moonbird_version"))
        assert.equals("1", p:sql("SELECT a FROM u"))
      end)
    end)

    describe("of a revision with thousands of statements", function()
      local MANY = [[
  op.create_table("t", { column("id", types.integer(), { primary_key = true }), column("n", types.integer()) })
  for id = 1, 2100 do db:exec("INSERT INTO t (id, n) VALUES (?, ?)", id, id == %d and 1 or 0) end
]]
      local BACKFILL = '  op.backfill { table = "t", row = function(r) return { n = r.n + 1 } end }\n'

      it("is gone with the revision, whether it fails or not", function()
        p:revision("a1", nil, MANY:format(0) .. GATE)
        p:fails(1, "upgrade head")
        assert.is_false(p:has_table("t"))
        assert.equals("0", p:has_table("moonbird_journal") and p:sql("SELECT count(*) FROM moonbird_journal") or "0")
        go()
        p:ok("upgrade head")
        assert.equals("2100", p:sql("SELECT count(*) FROM t"))
        assert.equals("0", p:sql("SELECT count(*) FROM moonbird_journal"))
      end)

      it("passes over all of them", function()
        p:revision("a1", nil, MANY:format(0) .. BACKFILL .. '  db:exec("UPDATE t SET n = n + 10")\n' .. GATE)
        p:fails(7, "upgrade head")
        assert.equals("2100|2100", p:sql("SELECT count(*), sum(n) FROM t"))
        -- the clock, the table, the rows; that the backfill is done is not committed yet
        assert.equals("2102", p:sql("SELECT count(*) FROM moonbird_journal WHERE state = 'done'"))
        go()
        p:ok("upgrade head")
        assert.equals("2100|23100", p:sql("SELECT count(*), sum(n) FROM t"))
        assert.equals("0", p:sql("SELECT count(*) FROM moonbird_journal"))
      end)

      it("finds the one that is another", function()
        p:revision("a1", nil, MANY:format(0) .. BACKFILL .. GATE)
        p:fails(7, "upgrade head")
        p:revision("a1", nil, MANY:format(1700) .. BACKFILL .. GATE)
        local run = p:fails(7, "upgrade head")
        assert.truthy(run.err:find("statement 1701 of revision a1 is not the one", 1, true), run.err)
        p:revision("a1", nil, (MANY:format(0):gsub("2100", "1200")))
        run = p:fails(7, "upgrade head")
        assert.truthy(run.err:find("statements that the script does not have any more", 1, true), run.err)
        assert.truthy(run.err:find("statement 1202: ", 1, true), run.err)
      end)

      it("goes on behind them where there is no transaction", function()
        local body = MANY:format(0):gsub("2100", "100") .. GATE
        p:revision("a1", nil, body, nil, { header = "transaction = false" })
        p:fails(7, "upgrade head")
        assert.equals("102", p:sql("SELECT count(*) FROM moonbird_journal"))
        go()
        p:ok("upgrade head")
        assert.equals("100", p:sql("SELECT count(*) FROM t"))
      end)
    end)

    it("goes on with a backfill in the one transaction that all revisions share", function()
      p:remove()
      p = moonbird.project(kind, "transaction_per_migration = false\n")
      p:revision("a1", nil, 'op.execute("CREATE TABLE u (a integer)")')
      p:revision("a2", "a1", TABLE_AND_BACKFILL .. GATE)
      p:revision("a3", "a2", 'op.execute("INSERT INTO u VALUES (1)")')
      p:fails(7, "upgrade head")
      assert.equals("a1", p:sql("SELECT version_num FROM moonbird_version"))
      go()
      p:ok("upgrade head")
      assert.equals("a3", p:sql("SELECT version_num FROM moonbird_version"))
      assert.equals("5", p:sql("SELECT sum(n) FROM t"))
    end)

    it("takes back what db:transaction did, and keeps its error when the way back fails too", function()
      p:sql("CREATE TABLE u (a integer)")
      p:revision("a1", nil, [[
  local ok, problem = pcall(db.transaction, db, function()
    db:exec("INSERT INTO u VALUES (1)")
    db:transaction(function() db:exec("INSERT INTO u VALUES (2)") end)
    error("the reason", 0)
  end)
  assert(not ok and tostring(problem) == "the reason", problem)
  db:exec("INSERT INTO u VALUES (3)")
  pcall(db.transaction, db, function()
    pcall(db.exec, db, "INSERT INTO u VALUES (4); ROLLBACK")
    error("the true reason", 0)
  end)
  error("came here", 0)]])
      p:fails(1, "upgrade head")
      assert.equals("0", p:sql("SELECT count(*) FROM u"))
    end)

    if kind == "postgres" then
      it("says that the outcome is unknown when the connection dies in COMMIT", function()
        p:sql("CREATE TABLE u (a integer)")
        p:sql("CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS"
          .. " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$")
        p:sql("CREATE CONSTRAINT TRIGGER k AFTER INSERT ON u DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
          .. " EXECUTE FUNCTION kill()")
        p:revision("a1", nil, 'db:exec("INSERT INTO u VALUES (1)")')
        local run = p:run("upgrade head")
        assert.equals(1, run.code, run:describe())
        assert.truthy(run.err:find("it may be done or not", 1, true), run.err)
        p:sql("DROP TRIGGER k ON u")
        p:ok("upgrade head")
        assert.equals("1", p:sql("SELECT count(*) FROM u"))
      end)

      it("goes on after the server has ended the connection in a batch", function()
        p:people(300)
        p:revision("a1", nil, [[
  op.backfill { table = "people", size = 50, batch = function(batch)
    if batch.rows[1].id == 101 and not io.open("ended") then
      io.open("ended", "w"):close()
      db:query("SELECT pg_terminate_backend(pg_backend_pid())")
    end
    db:exec("UPDATE people SET counter = counter + 1 WHERE " .. batch.range.predicate, batch.range.values)
  end }]])
        local run = p:ok("upgrade head")
        assert.truthy(run.err:find("has its connection again", 1, true), run.err)
        assert.equals("300|300", p:sql("SELECT count(*), sum(counter) FROM people WHERE counter = 1"))
      end)
    end
  end)
end)
