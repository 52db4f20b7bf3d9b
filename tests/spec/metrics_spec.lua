-- `--metrics`: the figures of a run as Prometheus' own parser reads them, from a file and from a port.
local moonbird = require("support.moonbird")
local throttle = require("support.throttle")

local FILL = [[
return {
  table = "people",
  columns = { "counter", "full_name" },
  size = 10,
  on_error = "quarantine",
  row = function(person)
    if person.full_name == "poison" then
      error("no such name")
    end
    return { counter = person.counter + 1 }
  end,
}
]]

-- name{labels} -> value, by the parser of Prometheus' client library; it fails on a wrong form. From a file, or from a
-- URL as Prometheus asks it, until somebody listens there.
local PARSE = [[
import sys, time, urllib.error, urllib.request
from prometheus_client.parser import text_string_to_metric_families
def fetch(url):
    kind = "text/plain;version=0.0.4"
    for _ in range(200):
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": kind}), timeout=20)
            assert answer.headers["Content-Type"].replace(" ", "").startswith(kind), answer.headers["Content-Type"]
            return answer.read().decode("utf-8")
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.1)
place = sys.argv[1]
for family in text_string_to_metric_families(fetch(place) if "://" in place else open(place).read()):
    for s in family.samples:
        labels = ",".join("%s=%s" % kv for kv in sorted(s.labels.items()) if kv[0] != "backfill")
        print("%s{%s} %g %s" % (s.name, labels, s.value, s.labels["backfill"]))
]]

local function parsed(p, path)
  p:write("parse.py", PARSE)
  local out, code = moonbird.shell(("/usr/bin/python3 %s %s"):format(p:path("parse.py"), path))
  assert.equals(0, code, out)
  local samples = {}
  for name, value, backfill in out:gmatch("([^\n]+) (%S+) (%S+)\n") do
    assert.equals("fill", backfill)
    samples[name:gsub("^moonbird_backfill_", "")] = tonumber(value)
  end
  return samples
end

describe("--metrics", function()
  moonbird.each_database(describe, pending, function(kind)
    local p

    before_each(function()
      p = moonbird.project(kind)
      p:people(100)
      p:backfill("fill", FILL)
    end)

    after_each(function()
      p:remove()
    end)

    it("writes a file that Prometheus reads", function()
      p:sql("UPDATE people SET full_name = 'poison' WHERE id = 50")
      p:fails(8, { "backfill", "run", "fill", "--metrics", p:path("metrics.prom") })
      local samples = parsed(p, p:path("metrics.prom"))
      assert.equals(100, samples["rows_total{}"])
      assert.equals(1, samples["bad_rows_total{}"])
      assert.equals(0, samples["workers{}"])
      assert.equals(1, samples["progress_ratio{}"])
      assert.is_true(samples["batches_total{result=committed}"] >= 10)
      assert.equals(samples["batches_total{result=committed}"], samples["batch_seconds_bucket{le=+Inf}"])
      assert.equals(samples["batches_total{result=committed}"], samples["batch_seconds_count{}"])
      assert.is_true(samples["last_commit_timestamp_seconds{}"] > 1700000000)
    end)

    it("counts batches that were rolled back", function()
      -- on row 50 the database finds a mistake: a division by zero, or a NULL
      p:backfill("fill", [[
        return {
          table = "people",
          size = 10,
          on_error = "quarantine",
          set = { counter = sql("1 / (id - 50)") },
        }
      ]])
      p:fails(8, { "backfill", "run", "fill", "--metrics", p:path("metrics.prom") })
      local samples, retries = parsed(p, p:path("metrics.prom")), 0
      for name, value in pairs(samples) do
        retries = retries + (name:find("^retries_total{sqlstate=") and value or 0)
      end
      local shrunk, split = samples["batches_total{result=shrunk}"], samples["batches_total{result=split}"]
      assert.is_true(shrunk + split > 0)
      assert.equals(shrunk + split + samples["batches_total{result=retried}"], retries)
      assert.equals(1, samples["bad_rows_total{}"])
    end)

    it("counts the time in which it was held, by reason", function()
      p:backfill("fill", (FILL:gsub("size = 10,", 'size = 10, throttle = { flag_file = "stop" },')))
      p:write("stop", "until noon")
      local run = p:start({ "backfill", "run", "fill", "--metrics", p:path("metrics.prom") })
      throttle.wait_for_text(run, "throttled: flag file")
      os.remove(p:path("stop"))
      assert.equals(0, run:wait().code, run:describe())
      local samples = parsed(p, p:path("metrics.prom"))
      assert.is_true((samples["throttled_seconds_total{reason=flag file}"] or 0) > 0)
      assert.equals(0, samples["throttled{}"])
    end)

    it("answers at a port while it runs", function()
      local port = moonbird.free_port()
      p:backfill("fill", (FILL:gsub("size = 10,", "size = 1, nice = 20,")))
      local job = p:start("backfill run fill --metrics :" .. port)
      local samples
      moonbird.wait_until("its worker is counted", 20, function()
        samples = parsed(p, ("http://127.0.0.1:%s/metrics"):format(port))
        return samples["workers{}"] == 1
      end)
      local get = ("curl -s --max-time 20 -o %s -w '%%{http_code}' http://127.0.0.1:%s"):format(p:path("got"), port)
      assert.is_true(samples["rows_total{}"] <= 100)
      assert.equals("404", (moonbird.shell(get .. "/")))
      assert.equals("405", (moonbird.shell(get .. "/metrics -d x=1")))
      assert.equals("431", (moonbird.shell(get .. "/metrics -H 'X: " .. ("x"):rep(9000) .. "'")))
      job:kill("TERM")
      assert.equals(3, job:wait().code)
    end)
  end)

  it("says what is wrong with the place", function()
    local p = moonbird.project("sqlite")
    p:people(5)
    p:backfill("fill", FILL)
    local function problem(where, wanted, code)
      local run = p:fails(code, { "backfill", "run", "fill", "--metrics", where })
      assert.truthy(run.err:find(wanted, 1, true), run.err)
    end
    problem(":", "':' has no port from 1 to 65535", 2)
    problem(":99999", "has no port", 2)
    problem("9187", "'9187' may be a file or a port\n  hint: write :9187 for the port, ./9187 for a file", 2)
    problem("", "the name of the file is empty", 2)
    problem("nowhere:80", "cannot listen for --metrics at nowhere port 80", 2)
    problem("nowhere:80", "hint: each run of a machine wants a port of its own", 2)
    problem("/no/such/folder/file", "/no/such/folder", 2)
    p:remove()
  end)
end)
