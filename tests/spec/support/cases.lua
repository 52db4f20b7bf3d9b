-- Text cases of specs (tests/cases): `=== NAME` begins a case, `--- SECTION` a part of it; what stands in brackets
-- after the name is the only database that it is for.

local files = require("support.files")

local cases = {}

--- The cases of a file in their order: { name, only, sections = { name = text } }; "" is what stands before the first
--- section.
function cases.read(path)
  local list, case, section = {}, nil, nil
  for line in files.read(path):gmatch("([^\n]*)\n") do
    local heading, part = line:match("^=== (.*)"), line:match("^%-%-%- ([%a ]+)$")
    if heading then
      local name, only = heading:match("^(.-) %[(%a+)%]$")
      case, section = { name = name or heading, only = only, sections = { [""] = "" } }, ""
      list[#list + 1] = case
    elseif part and case then
      section = part
      case.sections[section] = ""
    elseif section then
      case.sections[section] = case.sections[section] .. line .. "\n"
    end
  end
  return list
end

return cases
