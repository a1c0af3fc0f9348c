-- results/table.lua: tables of numbers and texts as CSV, the same bytes on every machine: %.17g with a point, \n, quotes
-- doubled inside quotes. What it writes it reads back to the same doubles, integers and texts.
local table_file = {}

local words = { nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge, ["true"] = true, ["false"] = false }

local function cell(v)
  if math.type(v) == "integer" then return ("%d"):format(v) end
  if type(v) == "boolean" then return v and "true" or "false" end
  if type(v) == "number" then
    if v ~= v then return "nan" end
    if v == math.huge then return "inf" elseif v == -math.huge then return "-inf" end
    local text = ("%.17g"):format(v):gsub(",", ".")
    return text
  end
  if v == "" or v:find '[",\r\n]' or words[v] ~= nil or tonumber(v) then return '"' .. v:gsub('"', '""') .. '"' end
  return v
end

--- The text of a table: `names` of the columns, `columns` as lists of equal length.
function table_file.write(names, columns)
  local lines, heads = {}, {}
  for i, name in ipairs(names) do heads[i] = cell(name) end
  lines[1] = table.concat(heads, ",")
  for row = 1, columns[1] and #columns[1] or 0 do
    local cells = {}
    for i, column in ipairs(columns) do cells[i] = cell(column[row]) end
    lines[row + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

local function value(text, quoted)
  if quoted then return text end
  if words[text] ~= nil then return words[text] end
  return tonumber(text) or text
end

-- One record starting at `at`: its values and where the next one starts.
local function record(text, at, line)
  local values = {}
  while true do
    local quoted, stop, sep = text:match('^"([^"]*)"()([,\n])', at)
    if quoted then
      values[#values + 1] = value(quoted, true)
    elseif text:sub(at, at) == '"' then
      local finish = at
      repeat
        finish = text:find('"', finish + 1, true)
        if not finish then error(("line %d: a quote is never closed"):format(line), 0) end
        local doubled = text:sub(finish + 1, finish + 1) == '"'
        if doubled then finish = finish + 1 end
      until not doubled
      values[#values + 1] = text:sub(at + 1, finish - 1):gsub('""', '"')
      stop, sep = finish + 1, text:sub(finish + 1, finish + 1)
    else
      local plain
      plain, stop, sep = text:match("^([^,\n]*)()([,\n])", at)
      if not plain then error(("line %d: cut in the middle"):format(line), 0) end
      values[#values + 1] = value(plain)
    end
    at = stop + 1
    if sep == "\n" then return values, at end
    if sep ~= "," then error(("line %d: text after a closing quote"):format(line), 0) end
  end
end

--- The names and the columns (lists, by name) of a text. Errors name the line.
function table_file.read(text)
  local names, at = record(text, 1, 1)
  local columns, line = {}, 1
  for _, name in ipairs(names) do columns[name] = {} end
  while at <= #text do
    line = line + 1
    local values
    values, at = record(text, at, line)
    if #values ~= #names then error(("line %d: %d cells, expected %d"):format(line, #values, #names), 0) end
    for i, name in ipairs(names) do table.insert(columns[name], values[i]) end
  end
  return names, columns
end

return table_file
