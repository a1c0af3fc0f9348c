-- json.lua: JSON text from Lua values and back (RFC 8259), with the same bytes for equal values.
--
-- Keys are written in alphabetical order, floats with 17 significant digits, whatever the locale. A table is an array if
-- it has an element 1 or was made by json.array; an empty table is an object. inf and nan, which JSON lacks, are null.
local json = {}
local Array = { __name = "perigee.json.array" }

--- Marks `t` as an array, which matters when it is empty.
function json.array(t) return setmetatable(t, Array) end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f" }

local function quote(s)
  return '"' .. s:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

--- A number as the shortest of %.15g, %.16g, %.17g that reads back as the same double, with a point in every locale.
function json.number(v)
  if math.type(v) == "integer" then return ("%d"):format(v) end
  if v ~= v or v == math.huge or v == -math.huge then return "null" end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(v)
    if tonumber(text) == v or digits == 17 then
      text = text:gsub(",", ".")
      return text:find("[.e]") and text or text .. ".0"      -- 1.0 stays a float when read back
    end
  end
end

local encode

local function members(t, indent)
  local deeper, parts, isarray = indent .. "  ", {}, t[1] ~= nil or getmetatable(t) == Array
  if isarray then
    for i, v in ipairs(t) do parts[i] = encode(v, deeper) end
    local line = "[" .. table.concat(parts, ", ") .. "]"
    if #line < 90 and not line:find("\n") then return line end
  else
    local keys = {}
    for key in pairs(t) do keys[#keys + 1] = key end
    table.sort(keys)
    for i, key in ipairs(keys) do parts[i] = quote(key) .. ": " .. encode(t[key], deeper) end
    if #parts == 0 then return "{}" end
  end
  local open, close = isarray and "[" or "{", isarray and "]" or "}"
  return open .. "\n" .. deeper .. table.concat(parts, ",\n" .. deeper) .. "\n" .. indent .. close
end

function encode(v, indent)
  local kind = type(v)
  if kind == "table" then return members(v, indent) end
  if kind == "string" then return quote(v) end
  if kind == "number" then return json.number(v) end
  if kind == "boolean" then return tostring(v) end
  error("json.encode: cannot write a " .. kind, 0)
end

--- The JSON text of a table, number, string or boolean, indented by two spaces, ending in a newline.
function json.encode(v) return encode(v, "") .. "\n" end

local unescape = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function fail(text, at, what)
  local line = select(2, text:sub(1, at - 1):gsub("\n", "")) + 1
  error(("line %d: %s"):format(line, what), 0)
end

local function skip(text, at) return text:match("^[ \t\r\n]*()", at) end

local function unquote(text, at)                           -- `at` is just behind the opening quote
  local parts = {}
  while true do
    local plain, stop = text:match('^([^"\\%c]*)()', at)
    local c = text:sub(stop, stop)
    if c == "" or c:find("%c") then fail(text, at, "unfinished string") end
    parts[#parts + 1] = plain
    if c == '"' then return table.concat(parts), stop + 1 end
    local code = text:match("^u(%x%x%x%x)", stop + 1)
    local letter = text:sub(stop + 1, stop + 1)
    if code then
      parts[#parts + 1], at = utf8.char(tonumber(code, 16)), stop + 6
    elseif unescape[letter] or letter:find('["\\/]') then
      parts[#parts + 1], at = unescape[letter] or letter, stop + 2
    else
      fail(text, stop, "unknown escape")
    end
  end
end

local value

local function list(text, at, depth)
  local result = json.array {}
  at = skip(text, at)
  if text:sub(at, at) == "]" then return result, at + 1 end
  while true do
    result[#result + 1], at = value(text, at, depth)
    local c, after = text:match("^%s*([,%]])()", at)
    if not c then fail(text, at, "expected , or ]") end
    if c == "]" then return result, after end
    at = after
  end
end

local function object(text, at, depth)
  local result = {}
  at = skip(text, at)
  if text:sub(at, at) == "}" then return result, at + 1 end
  while true do
    local start = text:match('^%s*"()', at)
    if not start then fail(text, at, "expected a name in quotes") end
    local key, after = unquote(text, start)
    local colon = text:match("^%s*:()", after)
    if not colon then fail(text, after, "expected :") end
    result[key], at = value(text, colon, depth)
    local c, behind = text:match("^%s*([,}])()", at)
    if not c then fail(text, at, "expected , or }") end
    if c == "}" then return result, behind end
    at = behind
  end
end

local words = { ["true"] = true, ["false"] = false }

function value(text, at, depth)
  if depth > 64 then fail(text, at, "nested deeper than 64") end
  at = skip(text, at)
  local c = text:sub(at, at)
  if c == "{" then return object(text, at + 1, depth + 1) end
  if c == "[" then return list(text, at + 1, depth + 1) end
  if c == '"' then return unquote(text, at + 1) end
  local word, behind = text:match("^(%a+)()", at)
  if word == "null" then return nil, behind end
  if words[word] ~= nil then return words[word], behind end
  local digits, after = text:match("^(-?[%d.eE+-]+)()", at)
  local number = digits and tonumber(digits)
  if not number then fail(text, at, "expected a value") end
  return number, after
end

--- The value of a JSON text; objects and arrays are tables, null is nil. Errors name the line.
function json.decode(text)
  local result, at = value(text, 1, 0)
  if skip(text, at) <= #text then fail(text, at, "text after the value") end
  return result
end

return json
