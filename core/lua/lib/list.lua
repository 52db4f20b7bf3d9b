-- Lists that grow while something is rendered: what is nil, false or "" is not added. Knows nothing of what it holds.

local list = {}

function list.add(entries, entry)
  if entry and entry ~= "" then
    entries[#entries + 1] = entry
  end
end

function list.add_all(entries, more)
  for _, entry in ipairs(more) do
    entries[#entries + 1] = entry
  end
end

return list
