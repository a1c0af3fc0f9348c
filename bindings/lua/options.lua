-- options.lua: option tables of functions, `f(x, { lr = 0.1 })`: defaults, unknown names, types.
--
-- The given table is read and never written; the caller gets a fresh one with every option in it.
local nearest = require "perigee.nearest"
local required, optional = require "perigee.required", require "perigee.optional"

local article = { number = "a number", string = "a string", boolean = "true or false", table = "a table", ["function"] = "a function" }

local function show(v)
  if type(v) == "string" then return ("%q"):format(v) end
  if type(v) == "number" then return ("%.14g"):format(v) end
  if type(v) == "boolean" or v == nil then return tostring(v) end
  local named = getmetatable(v)
  return "a " .. (type(named) == "table" and named.__name or type(v))
end

local function sorted(defaults)
  local list = {}
  for name in pairs(defaults) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function refuse(who, given, defaults)
  local known, unknown = sorted(defaults), {}
  for name in pairs(given) do
    if defaults[name] == nil then unknown[#unknown + 1] = name end
  end
  if #unknown == 0 then return end
  table.sort(unknown, function(a, b) return tostring(a) < tostring(b) end)
  local name = unknown[1]
  if type(name) ~= "string" then
    error(("%s: options are named, got an unnamed %s"):format(who, show(given[name])), 4)
  end
  local guess = nearest(name, known)
  local hint = guess and ("did you mean '%s'?"):format(guess) or "options: " .. table.concat(known, ", ")
  error(("%s: unknown option '%s' (%s)"):format(who, name, hint), 4)
end

local function value(who, name, given, default)
  if given == nil then
    if default == required then error(("%s: option '%s' is required"):format(who, name), 4) end
    if default == optional then return nil end
    return default
  end
  if default == required or default == optional or type(given) == type(default) then return given end
  error(("%s: %s must be %s, got %s"):format(who, name, article[type(default)] or type(default), show(given)), 4)
end

--- The options of `who` (its name in messages): those of `given` (a table or nil) over `defaults`.
-- A default of pg.required must be given; one of pg.optional may be anything or nil; of other defaults the type must match.
-- Errors, blamed on the caller's caller: an unknown name, with a suggestion; a wrong type; a missing required option.
local function options(who, given, defaults)
  given = given == nil and {} or given
  if type(given) ~= "table" then error(("%s: options must be a table, got %s"):format(who, show(given)), 3) end
  refuse(who, given, defaults)
  local result = {}
  for name, default in pairs(defaults) do result[name] = value(who, name, given[name], default) end
  return result
end

return options
