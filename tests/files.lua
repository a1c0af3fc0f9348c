-- files.lua: small files for tests: local files = require "files".
local files = {}

--- The bytes of a file.
function files.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

--- Writes a file; returns its path.
function files.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- A path where nothing is.
function files.free_path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

--- Removes a folder, whatever its permissions.
function files.remove(path) os.execute(("chmod -R u+w '%s' && rm -r '%s'"):format(path, path)) end

return files
