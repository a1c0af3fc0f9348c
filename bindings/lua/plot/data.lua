-- plot/data.lua: the table of numbers behind a figure, written as CSV.
--
-- One file per figure, one column per quantity, a heading line on top. Columns with the same numbers (usually
-- the shared x) are stored once; shorter columns end in empty cells. Cells are `%.17g`, so that reading the file
-- gives the same doubles back; NaN and the infinities are written NaN, which gnuplot leaves out.

local values = require "perigee.plot.values"

local Data = {}
Data.__index = Data
Data.__name = "perigee.plot.data"

--- An empty table of columns.
function Data.new() return setmetatable({ columns = {}, taken = {}, rows = 0 }, Data) end

local function same(a, b)
  if a == b then return true end
  if #a ~= #b then return false end
  for i = 1, #a do
    local u, v = a[i], b[i]
    if u ~= v and (u == u or v == v) then return false end
  end
  return true
end

-- A heading not used yet: "mean", then "mean (2)", "mean (3)".
local function unused(self, name)
  name = values.heading(name)
  local fresh, n = name, 1
  while self.taken[fresh] do
    n = n + 1
    fresh = ("%s (%d)"):format(name, n)
  end
  self.taken[fresh] = true
  return fresh
end

--- Adds a column and returns its heading; with `share`, an existing column of the same numbers is reused.
function Data:add(name, array, share)
  if share then
    for _, column in ipairs(self.columns) do
      if column.shared and same(column.array, array) then return column.name end
    end
  end
  local column = { name = unused(self, name), array = array, shared = share }
  self.columns[#self.columns + 1] = column
  self.rows = math.max(self.rows, #array)
  return column.name
end

--- A prefix for which "prefix 1" .. "prefix n" are all free, then adds the n columns of a matrix under it.
function Data:add_family(prefix, arrays)
  prefix = values.heading(prefix)
  local base, n = prefix, 1
  local function free()
    for i = 1, #arrays do if self.taken[base .. " " .. i] then return false end end
    return true
  end
  while not free() do
    n = n + 1
    base = ("%s (%d)"):format(prefix, n)
  end
  for i, array in ipairs(arrays) do self:add(base .. " " .. i, array) end
  return base
end

--- The lines of the CSV file, one at a time: for line in data:lines() do.
function Data:lines()
  local row = -1
  return function()
    row = row + 1
    if row > self.rows then return nil end
    local cells = {}
    for k, column in ipairs(self.columns) do
      cells[k] = row == 0 and column.name or values.cell(column.array[row])
    end
    return table.concat(cells, ",")
  end
end

return Data
