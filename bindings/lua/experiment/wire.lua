-- experiment/wire.lua: values as strings of bytes, to travel between Lua states: nil, booleans, numbers, strings, tables without
-- cycles, tensors and series. Doubles and tensors keep their bits.
local pg = require "perigee"
local series = require "perigee.series"

local wire = {}
local put

local function put_table(out, t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  out[#out + 1] = "T" .. ("j"):pack(n)
  for key, value in pairs(t) do
    put(out, key)
    put(out, value)
  end
end

local function put_series(out, s)
  local columns = {}
  for i, name in ipairs(s:names()) do columns[i] = { name = name, data = s:column(name) } end
  out[#out + 1] = "C"
  put(out, s:points())
  put(out, columns)
end

function put(out, v)
  local kind = math.type(v) or type(v)
  if v == nil then
    out[#out + 1] = "N"
  elseif kind == "boolean" then
    out[#out + 1] = v and "t" or "f"
  elseif kind == "integer" then
    out[#out + 1] = "I" .. ("j"):pack(v)
  elseif kind == "float" then
    out[#out + 1] = "D" .. ("d"):pack(v)
  elseif kind == "string" then
    out[#out + 1] = "S" .. ("s"):pack(v)
  elseif series.is(v) then
    put_series(out, v)
  elseif pg.is_tensor(v) then
    out[#out + 1] = "X" .. ("s"):pack(pg.workers.pack(v))
  elseif kind == "table" then
    put_table(out, v)
  else
    error(("a %s cannot leave the worker that made it"):format(kind), 0)
  end
end

--- The bytes of a value.
function wire.pack(v)
  local out = {}
  put(out, v)
  return table.concat(out)
end

local get

local readers = {
  N = function(_, at) return nil, at end,
  t = function(_, at) return true, at end,
  f = function(_, at) return false, at end,
  I = function(s, at) return ("j"):unpack(s, at) end,
  D = function(s, at) return ("d"):unpack(s, at) end,
  S = function(s, at) return ("s"):unpack(s, at) end,
  X = function(s, at)
    local bytes, after = ("s"):unpack(s, at)
    return pg.workers.unpack(bytes), after
  end,
  C = function(s, at)
    local x, columns
    x, at = get(s, at)
    columns, at = get(s, at)
    return series.of(x, columns), at
  end,
  T = function(s, at)
    local t = {}
    local n, from = ("j"):unpack(s, at)
    at = from
    for _ = 1, n do
      local key, value
      key, at = get(s, at)
      value, at = get(s, at)
      t[key] = value
    end
    return t, at
  end,
}

function get(s, at) return readers[s:sub(at, at)](s, at + 1) end

--- The value of bytes from wire.pack.
function wire.unpack(s) return (get(s, 1)) end

return wire
