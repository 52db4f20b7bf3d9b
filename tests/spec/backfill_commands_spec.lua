-- The commands under `backfill`: their words, help and completion, and what they say of a database without backfills.
local moonbird = require("support.moonbird")
local contains = moonbird.contains

local split = [[op.backfill({ table = "people", set = { counter = sql("counter + 1") } })]]

describe("the words of backfill", function()
  local p

  setup(function()
    p = moonbird.project("sqlite")
  end)

  teardown(function()
    p:remove()
  end)

  it("are a noun and a verb, with options anywhere", function()
    assert.equals("[]\n", p:ok("backfill list --json").out)
    assert.equals("[]\n", p:ok("backfill --json list").out)
    assert.equals("[]\n", p:ok("--json backfill list").out)
  end)

  it("name what is missing or wrong", function()
    contains(p:fails(2, "backfill").err, "backfill: which command? One of ")
    contains(p:fails(2, "backfill lsit").err, "did you mean 'backfill list'?")
    contains(p:fails(2, "backfil list").err, "did you mean 'backfill'?")
    contains(p:fails(2, "backfill list x").err, "backfill list: unexpected argument 'x'")
    contains(p:fails(2, { "backfill list" }).err, "unknown command 'backfill list'")
  end)

  it("explain themselves", function()
    contains(p:ok("help").out, "  backfill COMMAND ")
    assert.falsy(p:ok("help").out:find("backfill list", 1, true))
    contains(p:ok("help backfill").out, "\n  list ")
    contains(p:ok("backfill --help").out, "\n  list ")
    contains(p:ok("help backfill list").out, "Usage: moonbird backfill list\n")
    contains(p:ok("backfill list --help").out, "Usage: moonbird backfill list\n")
    contains(p:fails(2, "help upgrade head").err, "'upgrade' has no commands of its own")
    contains(p:ok("help --man").out, "\n.B backfill list\n")
  end)

  -- What bash offers after these words.
  local function offered(words)
    local line = {}
    for word in words:gmatch("%S+") do
      line[#line + 1] = moonbird.quote(word)
    end
    local ends_with_blank = words:sub(-1) == " "
    if ends_with_blank then
      line[#line + 1] = "''"
    end
    local script = ('eval "$(%s completion bash)"; COMP_WORDS=(%s); COMP_CWORD=%d; '):format(
      moonbird.program,
      table.concat(line, " "),
      #line - 1
    )
    local text, code = moonbird.shell("bash -c " .. moonbird.quote(script .. '_moonbird; echo " ${COMPREPLY[*]} "'))
    assert.equals(0, code, text)
    return text
  end

  it("are completed", function()
    contains(offered("moonbird backf"), " backfill ")
    contains(offered("moonbird backfill "), " list ")
    assert.falsy(offered("moonbird backfill "):find("upgrade", 1, true))
    assert.falsy(offered("moonbird "):find("list ", 1, true))
    contains(offered("moonbird backfill list --js"), " --json ")
    contains(offered("moonbird upgrade "), " head ")
    assert.falsy(offered("moonbird upgrade "):find("current", 1, true))
    contains(offered("moonbird show "), " current ")
    contains(offered("moonbird help "), " upgrade ")
  end)

  it("are completed with the names of backfills, from files and from the database", function()
    local q = moonbird.project("sqlite")
    q:people(1)
    q:revision("a1", nil, split)
    q:ok("upgrade head")
    q:backfill("fill", "return {}")
    local script = ([[cd %s; PATH=%s:$PATH; eval "$(moonbird completion bash)"
      COMP_WORDS=(moonbird backfill status ""); COMP_CWORD=3; _moonbird; echo "${COMPREPLY[*]}"]]):format(
      q.folder,
      moonbird.program:match("^(.*)/")
    )
    local text = moonbird.shell("bash -c " .. moonbird.quote(script))
    assert.equals("a1:1 fill\n", text)
    q:remove()
  end)
end)

describe("backfill list", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
    end)

    after_each(function()
      p:remove()
    end)

    it("says nothing of a database without backfills, and makes nothing", function()
      local run = p:ok("backfill list")
      assert.equals("", run.out)
      contains(run.err, "no backfill")
      assert.equals("", p:run("backfill list -q").err)
      assert.is_nil(kind == "sqlite" and p:read("data.db") or nil)
      assert.equals("[]\n", p:ok("backfill list --json").out)
      assert.equals("", kind == "postgres" and p:tables() or "")
    end)

    it("shows what has run", function()
      p:people(25)
      p:revision("a1", nil, split)
      p:ok("upgrade head")
      local run = p:ok("backfill list")
      contains(run.out, "NAME")
      assert.truthy(run.out:find("\na1:1 +done +25 +0 +%S.* +people\n"), run.out)
      local json = p:ok("backfill list --json").out
      contains(json, '"name": "a1:1"')
      contains(json, '"rows_done": 25')
      contains(json, '"state": "done"')
    end)
  end)
end)
