-- optim/file.lua: the state of an optimiser or an average in an NPZ file.
--
-- A state is a table of tensors, numbers, strings and such tables. Each leaf becomes one array named by its path and kind:
-- "steps.integer", "links/1/m.tensor", "kind.text" (its bytes). Numbers keep their type and all their bits.
local pg = require "perigee"

local function leaf(v)
  if pg.is_tensor(v) then return "tensor", v end
  if math.type(v) == "integer" then return "integer", pg.full({}, v, "i64") end
  if math.type(v) == "float" then return "number", pg.full({}, v, "f64") end
  if type(v) == "string" then return "text", #v == 0 and pg.zeros({ 0 }, "i64") or pg.tensor({ v:byte(1, -1) }, "i64") end
  error("optim.save: a state holds tensors, numbers and strings, not a " .. type(v), 0)
end

local function flatten(state, prefix, arrays)
  for name, v in pairs(state) do
    if type(v) == "table" then
      flatten(v, prefix .. name .. "/", arrays)
    else
      local kind, array = leaf(v)
      arrays[("%s%s.%s"):format(prefix, name, kind)] = array
    end
  end
  return arrays
end

local read = {
  tensor = function(x) return x end,
  integer = function(x) return math.tointeger(x:item()) end,
  number = function(x) return x:item() + 0.0 end,
  text = function(x) return x:size() == 0 and "" or string.char(table.unpack(x:tolist())) end,
}

local function place(state, path, kind, x)
  local at = state
  for folder in path:gmatch "([^/]+)/" do
    local key = math.tointeger(folder) or folder
    at[key] = at[key] or {}
    at = at[key]
  end
  at[path:match "[^/]+$"] = read[kind](x)
end

local file = {}

--- Writes the state of opt: an optimiser, a chain, an average, anything whose `state` gives such a table. Returns opt.
function file.save(path, opt)
  if type(path) ~= "string" then error("optim.save: the path must be a string, got " .. type(path), 2) end
  if type(opt) ~= "userdata" and type(opt) ~= "table" or pg.is_tensor(opt) or not opt.state then
    error("optim.save: give a path and an optimiser", 2)
  end
  pg.io.save_npz(path, flatten(opt:state(), "", {}))
  return opt
end

--- Sets opt, made with the same options, to the state in the file; refuses one of another kind or shape. Returns opt.
function file.load(path, opt)
  if type(path) ~= "string" then error("optim.load: the path must be a string, got " .. type(path), 2) end
  if type(opt) ~= "userdata" and type(opt) ~= "table" or pg.is_tensor(opt) or not opt.state then
    error("optim.load: give a path and an optimiser", 2)
  end
  local state = {}
  for name, x in pairs(pg.io.load_npz(path)) do
    local where, kind = name:match "^(.+)%.(%a+)$"
    local ok = read[kind] and pcall(place, state, where, kind, x)
    if not ok then error(("optim.load: '%s' is not a saved state: it holds '%s'"):format(path, name), 2) end
  end
  return opt:state(state)
end

return file
