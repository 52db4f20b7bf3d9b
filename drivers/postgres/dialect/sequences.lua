-- Sequences of PostgreSQL, and those behind identity columns. Methods of the dialect (../dialect.lua takes them in).

local sql = require("moonbird.sql")

local sequences = {}

local parts = {
  { "start", "START WITH %d" },
  { "increment", "INCREMENT BY %d" },
  { "minvalue", "MINVALUE %d" },
  { "maxvalue", "MAXVALUE %d" },
  { "cache", "CACHE %d" },
}

-- The options of a sequence as a list of phrases.
function sequences.sequence_words(_, options)
  local words = {}
  for _, part in ipairs(parts) do
    local value = options[part[1]]
    if value == sql.null then
      words[#words + 1] = "NO " .. part[2]:match("^%a+")
    elseif value ~= nil then
      words[#words + 1] = part[2]:format(value)
    end
  end
  if options.cycle ~= nil then
    words[#words + 1] = options.cycle and "CYCLE" or "NO CYCLE"
  end
  if options.restart then
    words[#words + 1] = options.restart == true and "RESTART" or ("RESTART WITH %d"):format(options.restart)
  end
  return words
end

return sequences
