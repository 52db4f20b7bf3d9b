--- Split full_name into its parts
--
-- Row by row and in batches, each with its checkpoint in one transaction: kill it at any instant, run it again, and it
-- goes on where it was. The way down puts the names together again, byte for byte.
--
-- Revision ID: 8f2c1d0e4b7a
-- Revises: 5d0e94c7b216
-- Create Date: 2026-11-22 12:00:00

revision = "8f2c1d0e4b7a"
down_revision = "5d0e94c7b216"

local parts = { "first_name", "middle_name", "nickname", "last_name", "suffix" }

-- Each suffix as it is written behind a name.
local suffixes = { ["Jr."] = ", Jr.", ["Sr."] = ", Sr.", II = " II", III = " III", IV = " IV" }

-- Words that belong to the last name when they stand before it: "Van Hollen", "De La Cruz".
local particles = { da = true, de = true, del = true, der = true, di = true, la = true, van = true, von = true }

local function join(person)
  local nickname = person.nickname and '"' .. person.nickname .. '"'
  local words = {}
  for _, word in ipairs({ person.first_name or "", person.middle_name or "", nickname or "" }) do
    if word ~= "" then
      words[#words + 1] = word
    end
  end
  words[#words + 1] = person.last_name
  return table.concat(words, " ") .. (person.suffix and suffixes[person.suffix] or "")
end

local function take_suffix(name)
  for suffix, written in pairs(suffixes) do
    if name:sub(-#written) == written then
      return name:sub(1, -#written - 1), suffix
    end
  end
  return name
end

local function take_nickname(name)
  local before, nickname, after = name:match('^(.+) "([^"]+)"( .+)$')
  if before then
    return before .. after, nickname
  end
  return name
end

-- The last name is the last word, with the particles before it; the first name is the first word; what is between is
-- the middle name. "Catherine Cortez Masto" needs somebody who knows her: no rule finds such last names.
local function split(full_name)
  local person = {}
  local rest
  rest, person.suffix = take_suffix(full_name)
  rest, person.nickname = take_nickname(rest)
  local words = {}
  for word in rest:gmatch("%S+") do
    words[#words + 1] = word
  end
  local last = #words
  while last > 2 and particles[words[last - 1]:lower()] do
    last = last - 1
  end
  person.first_name = words[1]
  if last > 1 then
    person.last_name = table.concat(words, " ", last)
  end
  if last > 2 then
    person.middle_name = table.concat(words, " ", 2, last - 1)
  end
  return person
end

-- What would not come back as it was (two blanks, an odd comma) stays whole, for a person to look at.
local function split_safely(full_name)
  local person = split(full_name)
  if join(person) ~= full_name then
    person = { first_name = full_name }
  end
  for _, part in ipairs(parts) do
    person[part] = person[part] or null
  end
  return person
end

function upgrade()
  for _, part in ipairs(parts) do
    op.add_column("people", column(part, types.text()))
  end

  op.backfill({
    table = "people",
    columns = { "full_name" },
    row = function(person)
      return split_safely(person.full_name)
    end,
  })

  op.drop_column("people", "full_name")
end

function downgrade()
  op.add_column("people", column("full_name", types.text(), { nullable = false, server_default = "" }))

  op.backfill({
    table = "people",
    columns = parts,
    row = function(person)
      return { full_name = join(person) }
    end,
  })

  for _, part in ipairs(parts) do
    op.drop_column("people", part)
  end
end
