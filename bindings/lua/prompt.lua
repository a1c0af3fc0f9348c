-- prompt.lua: what the prompt shows, completes and explains.
local pg = require "perigee"

local prompt = {}

local keywords = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local",
                   "nil", "not", "or", "repeat", "return", "then", "true", "until", "while" }
local shown_items, shown_depth = 12, 2

local show

local function show_key(k)
  if type(k) == "string" and k:find "^[%a_][%w_]*$" then return k end
  return "[" .. show(k, shown_depth) .. "]"
end

local function sorted_keys(t)
  local keys = {}
  for k in next, t do
    if not (math.type(k) == "integer" and k >= 1 and k <= #t) then keys[#keys + 1] = k end
  end
  table.sort(keys, function(a, b)
    if type(a) ~= type(b) then return type(a) < type(b) end
    if type(a) == "string" or type(a) == "number" then return a < b end
    return tostring(a) < tostring(b)
  end)
  return keys
end

-- A table without a __tostring of its own: { 1, 2, a = 3, ... }.
local function show_table(t, depth)
  if depth >= shown_depth then return "{...}" end
  local parts = {}
  for i = 1, math.min(#t, shown_items) do parts[i] = show(rawget(t, i), depth + 1) end
  local keys = sorted_keys(t)
  for _, k in ipairs(keys) do
    if #parts >= shown_items then break end
    parts[#parts + 1] = show_key(k) .. " = " .. show(rawget(t, k), depth + 1)
  end
  if #t + #keys > #parts then parts[#parts + 1] = "..." end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

-- v inside a table or alone; strings are quoted inside.
function show(v, depth)
  if type(v) == "string" and depth > 0 then return ("%q"):format(v):gsub("\\\n", "\\n") end
  if type(v) ~= "table" then
    local text = tostring(v)
    if depth > 0 and text:find "\n" then text = text:match "^[^\n]*" .. " ..." end
    return text
  end
  local mt = getmetatable(v)
  if type(mt) == "table" and (mt.__tostring or mt.__name) or mt and type(mt) ~= "table" then return tostring(v) end
  return show_table(v, depth)
end

--- Prints the values of an expression, separated by tabs; nothing for none.
function prompt.print(...)
  local values = table.pack(...)
  for i = 1, values.n do values[i] = show(values[i], 0) end
  if values.n > 0 then print(table.concat(values, "\t")) end
end

--- `help tensor.sum` becomes help("tensor.sum"); any other line stays as it is.
function prompt.translate(line)
  local name = line:match "^%s*help%s+([%a_][%w_.:]*)%s*$"
  return name and ("help(%q)"):format(name) or line
end

-- The global `help`: help "tensor.sum" or help(pg.sum) prints; alone, it shows how to ask.
local function explain(_, name)
  local help = require "perigee.help"
  local text, why = help.text(help.name(name))
  print(text or why)
end
prompt.help = setmetatable({}, {
  __name = "help",
  __call = explain,
  __tostring = function() return (require "perigee.help".text()) end,
})

-- What has fields with names: the table itself and those its metatable hands on to; at most a few deep.
local function field_tables(object)
  local found, depth = {}, 0
  while object ~= nil and depth < 8 do
    if type(object) == "table" then found[#found + 1] = object end
    local mt = debug.getmetatable(object)
    object = mt and (rawget(mt, "methods") or rawget(mt, "__index"))
    if type(object) == "function" then object = nil end
    depth = depth + 1
  end
  if found[1] == pg then found[#found + 1] = require "perigee.help".modules() end
  return found
end

-- The object that "a.b:c" names, without running anything but the library's own loading of its modules.
local function resolve(path)
  local object = _G
  for name in path:gmatch "[%a_][%w_]*" do
    local value
    for _, t in ipairs(field_tables(object)) do
      value = rawget(t, name)
      if value ~= nil then break end
    end
    if object == pg then value = pg[name] end
    object = value
    if object == nil then return nil end
  end
  return object
end

local function candidates(path, prefix, methods_only)
  local seen, list = {}, {}
  local function offer(name)
    if type(name) == "string" and name:sub(1, #prefix) == prefix and not seen[name] and name:find "^[%a_][%w_]*$"
      and (prefix ~= "" or name:sub(1, 2) ~= "__") then
      seen[name] = true
      list[#list + 1] = name
    end
  end
  if path == "" then
    for _, word in ipairs(keywords) do offer(word) end
  end
  for _, t in ipairs(field_tables(resolve(path))) do
    for name, value in next, t do
      if not methods_only or type(value) == "function" then offer(name) end
    end
  end
  table.sort(list)
  return list
end

--- Completion of the text before the cursor: the length of the word to be completed, and the sorted list of what it may become.
function prompt.complete(text)
  local chain = text:match "[%a_][%w_.:]*$" or ""
  local before = text:sub(1, #text - #chain)
  if before:find "[%w%)%]\"'][.:]$" or before:find "%.%.$" and chain == "" then return 0, {} end
  local path, separator, prefix = chain:match "^(.*)([.:])([%w_]*)$"
  if not path then path, separator, prefix = "", ".", chain end
  local ok, list = pcall(candidates, path, prefix, separator == ":")
  return #prefix, ok and list or {}
end

return prompt
