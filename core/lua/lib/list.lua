-- Lists that grow while something is rendered (what is nil, false or "" is not added), and lists of names. Knows
-- nothing of what they hold.

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

--- The entries of several lists, in a new one.
function list.joined(...)
  local entries = {}
  for _, more in ipairs({ ... }) do
    table.move(more, 1, #more, #entries + 1, entries)
  end
  return entries
end

function list.contains(names, name)
  for _, one in ipairs(names) do
    if one == name then
      return true
    end
  end
  return false
end

--- Have two lists the same names, in whatever order? None has one twice.
function list.same_names(a, b)
  local set = {}
  for _, name in ipairs(a) do
    set[name] = true
  end
  for _, name in ipairs(b) do
    if not set[name] then
      return false
    end
  end
  return #a == #b
end

return list
