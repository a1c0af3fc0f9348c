-- experiment/params.lua: parameters of an experiment: what kind a default is, reading values from text, admissible ranges.
--
-- The default decides the kind: 400 is an integer, 400.0 a number, true a switch, "strong" a string, { 1, 2 } a list.
-- Text: "0.1,0.3" are two values; for numbers "100:1000:100" and "64:4096:*2" are arithmetic and geometric ranges that
-- include their end; "1e6" is a fine integer. In strings "\," is a comma.
local nearest = require "perigee.nearest"

local params = {}

--- "integer", "number", "boolean", "string", or "list" and the kind of its elements; nil for other defaults.
function params.kind(default)
  if type(default) == "table" then
    local element = params.kind(default[1])
    for _, v in ipairs(default) do
      if params.kind(v) == "number" and element == "integer" then element = "number" end
    end
    return element and "list", element
  end
  return math.type(default) == "integer" and "integer" or math.type(default) == "float" and "number"
    or (type(default) == "boolean" or type(default) == "string") and type(default) or nil
end

local wanted = { integer = "an integer", number = "a number", boolean = "true or false", string = "a string", list = "a list" }

--- `v` as a value of `kind`, or nil: 3.0 is an integer, 3 a number.
function params.convert(kind, v, element)
  if kind == "integer" then return math.type(v) and math.tointeger(v) end
  if kind == "number" then return math.type(v) and v + 0.0 end
  if kind ~= "list" then
    if type(v) == kind then return v end                     -- which may be false
    return nil
  end
  if type(v) ~= "table" then return nil end
  local list = {}
  for i, x in ipairs(v) do
    list[i] = params.convert(element, x)
    if list[i] == nil then return nil end
  end
  return list
end

--- How a value is written in messages, tables and file columns.
function params.show(v)
  if type(v) == "table" then
    local parts = {}
    for i, x in ipairs(v) do parts[i] = params.show(x) end
    return table.concat(parts, ",")
  end
  return math.type(v) == "float" and (("%.14g"):format(v):gsub(",", ".")) or tostring(v)
end

local function scalar(kind, text)
  if kind == "string" then return text end
  if kind == "boolean" then
    if text == "true" then return true elseif text == "false" then return false else return nil end
  end
  return params.convert(kind, tonumber(text))
end

local most = 100000                                        -- values of one range; more is a slip of the keyboard

local function range(kind, text, refuse)
  local from, to, times, step = text:match("^([^:]+):([^:]+):(%*?)([^:]+)$")
  if not from then
    from, to = text:match("^([^:]+):([^:]+)$")
    times, step = "", "1"
  end
  if not from then refuse("got %q; a range is from:to, from:to:step or from:to:*factor", text) end
  local a, b, h = scalar(kind, from), scalar(kind, to), scalar(kind, step)
  if not (a and b and h) then refuse("got %q, which is not a range of %s", text, kind == "integer" and "integers" or "numbers") end
  local geometric, list = times == "*", {}
  if geometric and not (a > 0 and b > 0 and h > 0 and h ~= 1 and (b - a) * (h - 1) >= 0)
    or not geometric and not (h ~= 0 and (b - a) * h >= 0) then
    refuse("got the range %q, which never reaches its end", text)
  end
  local slack = kind == "number" and 1e-9 * math.abs(geometric and b or h) or 0      -- 0:1:0.1 ends at 1
  local v, n = a, 0
  while (b >= a and v <= b + slack) or (b < a and v >= b - slack) do
    n = n + 1
    if n > most then refuse("got the range %q of more than %d values", text, most) end
    list[n] = v
    if geometric then v = v * h else v = a + n * h end
  end
  return list
end

local function split(text)
  local parts, last = {}, ""
  for piece, comma in text:gmatch "([^,]*)(,?)" do
    if piece:sub(-1) == "\\" and comma == "," then
      last = last .. piece:sub(1, -2) .. ","
    else
      parts[#parts + 1], last = last .. piece, ""
      if comma == "" then break end
    end
  end
  return parts
end

--- The list of values that `text` stands for. `refuse(format, ...)` is called, and must raise, if it is not of that kind.
function params.parse(kind, text, refuse)
  local values, numeric = {}, kind == "integer" or kind == "number"
  for _, part in ipairs(split(text)) do
    if numeric and part:find(":", 1, true) then
      local list = range(kind, part, refuse)
      table.move(list, 1, #list, #values + 1, values)
    else
      local v = scalar(kind, part)
      if v == nil then refuse("must be %s, got %q", wanted[kind], part) end
      values[#values + 1] = v
    end
  end
  return values
end

local function bound(limit, all)                           -- a bound may be the name of another parameter
  if type(limit) == "string" then return all[limit], ("%s = %s"):format(limit, params.show(all[limit])) end
  return limit, params.show(limit)
end

local function inside(v, r, all)
  local above, from, below, to = bound(r.above, all), bound(r.from, all), bound(r.below, all), bound(r.to, all)
  return v - v == 0 and not (above and not (v > above)) and not (from and not (v >= from))
    and not (below and not (v < below)) and not (to and not (v <= to))      -- v - v == 0: finite
end

local function describe(r, all)
  local low, high = r.above or r.from, r.below or r.to
  local _, lowtext = bound(low, all)
  local _, hightext = bound(high, all)
  if low and high then
    return ("lie in %s%s, %s%s"):format(r.above and "(" or "[", lowtext, hightext, r.below and ")" or "]")
  end
  if low then return (r.above and "be above " or "be at least ") .. lowtext end
  return (r.below and "be below " or "be at most ") .. hightext
end

local function check_number(name, v, r, all, refuse)
  if math.type(v) and not inside(v, r, all) then
    refuse(name, "must %s, got %s", next(r) and describe(r, all) or "be finite", params.show(v))
  end
end

local function check_choice(name, v, choices, refuse)
  local shown = {}
  for i, choice in ipairs(choices) do
    if choice == v then return end
    shown[i] = params.show(choice)
  end
  local guess = nearest(params.show(v), shown)
  refuse(name, "must be one of %s, got %q%s", table.concat(shown, ", "), params.show(v),
    guess and (" (did you mean %s?)"):format(guess) or "")
end

--- Holds the parameter values `all` to ranges ({ mu = { above = 0, to = "L" } }) and choices; numbers must be finite.
-- Bounds: above >, from >=, below <, to <=; a string names another parameter. Lists are checked element by element.
-- `refuse(name, format, ...)` is called, and must raise, at the first violation in alphabetical order.
function params.check(all, ranges, choices, refuse)
  local names = {}
  for name in pairs(all) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local values = type(all[name]) == "table" and all[name] or { all[name] }
    for _, v in ipairs(values) do
      check_number(name, v, ranges[name] or {}, all, refuse)
      if choices[name] then check_choice(name, v, choices[name], refuse) end
    end
  end
end

return params
