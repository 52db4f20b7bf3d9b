-- Files and folders of a test, by system calls: no shell, no process. Used by the specs' other helpers.

local uv = require("luv")

local files = {}

function files.read(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

function files.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  assert(file:close())
end

--- An absolute path, without what the tests of another process use.
function files.temporary_folder()
  return assert(uv.fs_mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/moonbird-spec.XXXXXX"))
end

--- The folder and those above it, where they are missing.
function files.make_folder(path)
  if not uv.fs_stat(path) then
    files.make_folder(path:match("^(.+)/"))
    assert(uv.fs_mkdir(path, 493)) -- 0755
  end
end

--- Removes a folder with all that is in it, also what a test has made read-only.
function files.remove_folder(path)
  uv.fs_chmod(path, 448) -- 0700
  local entries = uv.fs_scandir(path)
  local name, kind
  while entries do
    name, kind = uv.fs_scandir_next(entries)
    if not name then
      break
    elseif kind == "directory" then
      files.remove_folder(path .. "/" .. name)
    else
      uv.fs_unlink(path .. "/" .. name)
    end
  end
  uv.fs_rmdir(path)
end

return files
