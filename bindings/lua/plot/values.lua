-- plot/values.lua: numbers in and out of figures.
--
-- Figures accept tensors, Lua arrays of numbers, series objects and plain numbers; inside the plot modules
-- every sequence is a Lua array of floats (booleans count as 0 and 1). Numbers go out with a point as the
-- decimal sign whatever LC_NUMERIC says, because string.format follows the host's locale.

local values = {}

local find, format, gsub = string.find, string.format, string.gsub
local huge = math.huge

--- True for a number that is neither NaN nor infinite.
function values.finite(v) return v == v and v < huge and v > -huge end
local finite = values.finite

--- Formats a number with a point as the radix, e.g. fixed("%.17g", 0.1).
function values.fixed(fmt, v) return (gsub(format(fmt, v), ",", ".")) end

--- A number as a CSV cell: `%.17g`; NaN and the infinities become NaN, which gnuplot leaves out.
function values.cell(v)
  if v == nil then return "" end
  if not finite(v) then return "NaN" end
  return values.fixed("%.17g", v)
end

--- A number as it reads best inside a script: shortest of %.6g, %.10g, %.17g that keeps its value to 1e-10.
function values.short(v)
  for _, fmt in ipairs { "%.6g", "%.10g" } do
    local s = values.fixed(fmt, v)
    if math.abs(tonumber(s) - v) <= 1e-10 * math.abs(v) then return s end
  end
  return values.fixed("%.17g", v)
end

-- The call is protected because userdata of other libraries may refuse unknown fields.
local function has_method(v, name)
  local ok, method = pcall(function() return v[name] end)
  return ok and type(method) == "function"
end

--- True for a value with the tensor methods (tolist and ndim).
function values.is_tensor(v)
  return (type(v) == "userdata" or type(v) == "table") and has_method(v, "tolist") and has_method(v, "ndim")
end

local function to_number(v, where)
  if type(v) == "boolean" then return v and 1.0 or 0.0 end
  if type(v) ~= "number" then
    error(format("%s: expected numbers, got %s", where, type(v) == "table" and "a nested table" or type(v)), 0)
  end
  return v + 0.0
end

--- The plain table behind a tensor or an object with :tolist(); other values unchanged.
function values.plain(v)
  local kind = type(v)
  if (kind == "userdata" or kind == "table") and has_method(v, "tolist") then return v:tolist() end
  return v
end

--- True for anything that holds several numbers.
function values.is_sequence(v)
  return type(v) == "table" or (type(v) == "userdata" and has_method(v, "tolist"))
end

--- An array of floats from a tensor of one axis, an array or one number. `where` begins the error message.
function values.vector(v, where)
  v = values.plain(v)
  if type(v) == "number" or type(v) == "boolean" then return { to_number(v, where) } end
  if type(v) ~= "table" then error(format("%s: expected numbers, got %s", where, type(v)), 0) end
  local r = {}
  for i = 1, #v do r[i] = to_number(values.plain(v[i]), where) end
  return r
end

--- An array of arrays of floats from a tensor of two axes, a nested table or a list of vectors.
function values.matrix(v, where)
  v = values.plain(v)
  if type(v) ~= "table" then error(format("%s: expected a matrix, got %s", where, type(v)), 0) end
  local r = {}
  for i = 1, #v do
    if not values.is_sequence(v[i]) then error(format("%s: expected a matrix, row %d is a %s", where, i, type(v[i])), 0) end
    r[i] = values.vector(v[i], where)
  end
  return r
end

--- Smallest and largest finite entry, or nil when there is none.
function values.extent(array, lo, hi)
  for i = 1, #array do
    local v = array[i]
    if finite(v) then
      if not lo or v < lo then lo = v end
      if not hi or v > hi then hi = v end
    end
  end
  return lo, hi
end

--- Quantile of type 7 (linear between order statistics) of a sorted array, 0 <= q <= 1.
function values.quantile(sorted, q)
  local h = (#sorted - 1) * q + 1
  local i = math.floor(h)
  local a, b = sorted[i], sorted[math.min(i + 1, #sorted)]
  return a + (h - i) * (b - a)
end

--- Cleans a name for use as a column heading: no quotes, commas, control bytes or broken UTF-8.
function values.heading(name)
  name = gsub(gsub(gsub(tostring(name), "[%c\"',\\`;]+", " "), "%$", ""), "%s+", " ")
  if not utf8.len(name) then name = gsub(name, "[\128-\255]", "?") end
  name = gsub(gsub(name, "^%s+", ""), "%s+$", "")
  if name == "" or find(name, "^%d+$") then name = "column " .. name end
  return (gsub(name, "%s+$", ""))
end

return values
