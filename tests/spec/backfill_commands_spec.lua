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

  -- The verbs below a noun, and whether the help of each has an example that the command line takes.
  local function check_examples(noun)
    local list = p:ok(noun .. " --help").out:match("\nCommands of [^\n]*\n(.-)\n\n")
    for verb in ("\n" .. list):gmatch("\n  (%l+)") do
      local command = noun .. " " .. verb
      local help = p:ok(command .. " --help").out
      if help:find("\nCommands of ", 1, true) then
        check_examples(command)
      else
        local examples = assert(help:match("\nExamples\n(.-)\n\n"), command .. " has no example")
        for example in ("\n" .. examples):gmatch("\n  (moonbird [^\n]+)") do
          contains(example, "moonbird " .. command)
          local typed = example:gsub("^moonbird", moonbird.quote(moonbird.program), 1)
          local answer = moonbird.shell(typed .. " --help 2>&1")
          contains(answer, "Usage: moonbird " .. command)
        end
      end
    end
  end

  it("have help with examples that can be typed", function()
    check_examples("backfill")
  end)

  it("have help for all that can be set", function()
    p:people(20)
    p:backfill("fill", 'return { table = "people", set = { counter = sql "1" }, size = 5 }')
    p:fails(3, "backfill run fill --max-rows 5")
    local names = p:fails(2, "backfill set fill nonsense=1").err:match("[Ww]hat can be set: ([^\n]+)")
    local help = p:ok("backfill set --help").out
    for name in names:gmatch("[%l_]+") do
      assert.truthy(help:find("\n  " .. name .. "=%u"), name)
    end
    for name in help:match("\nKEY=VALUE\n(.-)\n\n"):gmatch("  ([%l_]+)=") do
      contains(", " .. names .. ",", ", " .. name .. ",")
    end
    p:ok("backfill forget fill --yes")
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
    contains(offered("moonbird backfill set "), " nice= ")
    assert.equals(" max_wal= \n", offered("moonbird backfill set fill max_w"))
    assert.equals(" csv json \n", offered("moonbird backfill bad export --format "))
    assert.equals(" lua sql \n", offered("moonbird dump --format "))
  end)

  -- A project with a revision, its label, a backfill that the database knows, and one that is a file only.
  local function project_to_complete()
    local q = moonbird.project("sqlite")
    q:people(1)
    q:revision("a1", nil, split)
    q:ok("upgrade head")
    q:revision("b2", "a1", "", "", { header = 'branch_labels = "дом"' })
    q:backfill("fill", "return {}")
    return q
  end

  -- What the shell itself says, with the program on the PATH.
  local function ask_shell(q, command, folder)
    local path = moonbird.program:match("^(.*)/")
    local line = ("cd %s; HOME=. LC_ALL=C.UTF-8 PATH=%s:$PATH %s"):format(folder or q.folder, path, command)
    return moonbird.shell(line)
  end

  it("are completed for the project that the line names", function()
    local q = project_to_complete()
    q:write("a b.ini", (q:read("moonbird.ini"):gsub("///", "///%%(here)s/")))
    local function offers(shell, script)
      return (ask_shell(q, shell .. " -c " .. moonbird.quote(script:format(q:path("a b.ini"))), "/"))
    end
    local bash = [[eval "$(moonbird completion bash)"; COMP_WORDS=(moonbird -c "'%s'" backfill status ""); COMP_CWORD=5
      _moonbird; echo "${COMPREPLY[*]}"]]
    assert.equals("a1:1 fill\n", offers("bash", bash))
    local fish = [[moonbird completion fish | source; complete -C'moonbird --config "%s" backfill status ']]
    assert.equals("a1:1\nfill\n", offers("fish --no-config", fish))
    local zsh = [[eval "$(moonbird completion zsh | sed '$d')"; words=(moonbird -c "'%s'" backfill status); CURRENT=5
      _moonbird_backfills]]
    assert.equals("a1:1\nfill\n", offers("zsh -f", zsh))
    q:remove()
  end)

  it("are completed in bash with names of backfills, ids and labels", function()
    local q = project_to_complete()
    local function offers(words)
      local script = ([[eval "$(moonbird completion bash)"; COMP_WORDS=(%s ""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _moonbird; echo "${COMPREPLY[*]}"]]):format(words)
      return (ask_shell(q, "bash -c " .. moonbird.quote(script)))
    end
    assert.equals("a1:1 fill\n", offers("moonbird backfill status"))
    assert.equals("head heads base a1 b2 дом\n", offers("moonbird upgrade"))
    -- bash parts the words of a URL; there nothing is known yet
    assert.equals("fill\n", offers("moonbird --url sqlite : ///other.db backfill status"))
    assert.equals("fill\n", offers("moonbird backfill status --url = sqlite : ///other.db"))
    q:remove()
  end)

  -- Bash splits a word at a colon, and puts what is offered behind the last one.
  it("are completed in bash behind the colon of a name", function()
    local q = project_to_complete()
    local function offers(words)
      local script = ([[eval "$(moonbird completion bash)"; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _moonbird; echo "${COMPREPLY[*]}"]]):format(words)
      return (ask_shell(q, "bash -c " .. moonbird.quote(script)))
    end
    assert.equals("a1:1\n", offers("moonbird backfill status a"))
    assert.equals("1\n", offers("moonbird backfill status a1 :"))
    assert.equals("1\n", offers("moonbird backfill status a1 : 1"))
    assert.equals("\n", offers("moonbird backfill status a2 : 1"))
    q:remove()
  end)

  it("are completed in fish with names of backfills, ids and labels", function()
    local q = project_to_complete()
    local function offers(words)
      local script = ("moonbird completion fish | source; complete -C'moonbird %s '"):format(words)
      return (ask_shell(q, "fish --no-config -c " .. moonbird.quote(script)))
    end
    assert.equals("a1:1\nfill\n", offers("backfill status"))
    assert.equals("a1\nb2\nbase\nhead\nheads\nдом\n", offers("upgrade"))
    contains(offers("show"), "\ncurrent\n")
    contains(offers("backfill"), "status\tshow how far")
    contains(offers("help"), "upgrade\n")
    contains(offers("backfill set"), "nice=\n")
    assert.truthy(offers("backfill bad export --format"):find("^csv\t[^\n]*\njson\t[^\n]*\n$"))
    q:remove()
  end)

  -- Types a line into a zsh at a terminal, asks for the choices (^D), and waits until each wanted word is there.
  local ZSH = [[
import os, pty, re, select, sys, time
line, wanted = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("zsh", ["zsh", "-f", "-i"])
def read_until(seen):
    text, end = "", time.time() + 30
    while not seen(text) and time.time() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text
def send(text):
    os.write(terminal, text.encode())
send("TERM=dumb PS1=G'O> ' RPS1= LISTMAX=0; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D\r")
read_until(lambda text: "GO> " in text)  # from here on the line editor reads the keys, not the terminal
send(line + "\x04")
text = read_until(lambda text: all(re.search(r"(?<!\S)%s(?!\S)" % re.escape(w), text) for w in wanted))
print(text)
os.kill(pid, 9)
]]

  it("are completed in zsh with names of backfills, ids and labels", function()
    local q = project_to_complete()
    q:write("zsh.py", ZSH)
    assert.equals("", (ask_shell(q, "moonbird completion zsh > " .. q:path("_moonbird"))))
    local function offers(line, wanted)
      local text = ask_shell(q, "/usr/bin/python3 zsh.py " .. moonbird.quote(line) .. " " .. wanted)
      for word in wanted:gmatch("%S+") do
        contains(text, word)
      end
      return text
    end
    offers("moonbird backfill status ", "a1:1 fill")
    assert.falsy(offers("moonbird upgrade ", "a1 b2 base head heads дом"):find("current", 1, true))
    offers("moonbird show ", "a1 current дом")
    offers("moonbird backfill st", "status")
    offers("moonbird backfill set ", "fill nice= max_wal=")
    offers("moonbird backfill bad export --format ", "csv json")
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
