-- The quick start's own migrations on 537 real names: how many are split right, and that the way down restores each.
local moonbird = require("support.moonbird")

local root = moonbird.root

-- The program with the configuration of the repository's root, on the project's database.
local function run(p, words)
  local url = p.kind == "sqlite" and "sqlite:///" .. p:path("data.db") or p.url
  local options = { env = { MOONBIRD_QUICKSTART_URL = url }, secrets = p.secrets }
  local result = moonbird.run(root, words, options)
  assert.equals(0, result.code, result:describe())
  return result
end

-- The truth: bioguide -> row of the CSV, read with the quick start's own reader.
local function legislators()
  local csv = assert(loadfile(root .. "/migrations/csv.lua"))("csv", root .. "/migrations/csv.lua")
  local by_id, count = {}, 0
  for _, row in ipairs(csv.read("../examples/congress/legislators.csv")) do
    by_id[row.bioguide] = row
    count = count + 1
  end
  return by_id, count
end

-- "bioguide -> { first, middle, nickname, last, suffix }"
local function split_names(p)
  local names = {}
  local text = p:sql("SELECT bioguide, coalesce(first_name, ''), coalesce(middle_name, ''), coalesce(nickname, ''),"
    .. " coalesce(last_name, ''), coalesce(suffix, '') FROM people")
  local line = ("([^|\n]*)|"):rep(6):sub(1, -2)
  for id, first, middle, nickname, last, suffix in text:gmatch(line) do
    names[id] = { first = first, middle = middle, nickname = nickname, last = last, suffix = suffix }
  end
  return names
end

describe("the quick start", function()
  moonbird.each_database(describe, pending, function(kind)
    local p
    before_each(function()
      p = moonbird.project(kind)
    end)
    after_each(function()
      p:remove()
    end)

    it("splits the names of 537 people, as well as its README says", function()
      run(p, "upgrade head")
      assert.equals("8f2c1d0e4b7a (head)\n", run(p, "current").out)
      local truth, count = legislators()
      assert.equals(537, count)
      local names = split_names(p)
      local both, last = 0, 0
      for id, row in pairs(truth) do
        local name = names[id]
        both = both + (name.first == row.first_name and name.last == row.last_name and 1 or 0)
        last = last + (name.last == row.last_name and 1 or 0)
      end
      assert.equals(498, both)
      assert.equals(526, last)
      local readme = moonbird.read_file(root .. "/examples/congress/README.md")
      assert.truthy(readme:find("498 of 537", 1, true))
      assert.truthy(readme:find("526 of 537", 1, true))
    end)

    it("gets the hard ones right", function()
      run(p, "upgrade head")
      local names = split_names(p)
      local function is(id, first, middle, nickname, last, suffix)
        assert.same({ first = first, middle = middle, nickname = nickname, last = last, suffix = suffix }, names[id])
      end
      is("K000383", "Angus", "S.", "", "King", "Jr.")
      is("G000586", "Jesús", "G.", "Chuy", "García", "")
      is("J000288", "Henry", "C.", "Hank", "Johnson", "Jr.")
      is("D000594", "Monica", "", "", "De La Cruz", "")
      is("M001246", "", "", "", "", "")
      assert.equals("2", p:sql("SELECT count(*) FROM people WHERE first_name IS NULL"))
    end)

    it("puts every name together again on the way down", function()
      run(p, "upgrade head")
      run(p, "downgrade -1 --yes")
      local truth = legislators()
      local same = 0
      for line in (p:sql("SELECT bioguide, full_name FROM people") .. "\n"):gmatch("([^\n]*)\n") do
        local id, name = line:match("^([^|]*)|(.*)$")
        assert.equals(truth[id].full_name, name)
        same = same + 1
      end
      assert.equals(537, same)
      run(p, "downgrade base --yes")
      assert.is_false(p:has_table("people"))
    end)

    it("restores names that nobody could split", function()
      run(p, "upgrade 5d0e94c7b216")
      local odd = { "Plato", "two  blanks", " in front", "behind ", "King, Jr.", "Jr.", ", Jr.", '"A" B', "X, III" }
      for i, name in ipairs(odd) do
        p:sql(("INSERT INTO people (bioguide, full_name) VALUES ('ODD%04d', '%s')"):format(i, name))
      end
      run(p, "upgrade head")
      run(p, "downgrade -1 --yes")
      for i, name in ipairs(odd) do
        local got = p:sql(("SELECT '<' || full_name || '>' FROM people WHERE bioguide = 'ODD%04d'"):format(i))
        assert.equals("<" .. name .. ">", got)
      end
    end)
  end)
end)
