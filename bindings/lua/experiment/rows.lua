-- experiment/rows.lua: what an experiment computed, as report and check see it.
--
-- A block holds the replicas of one job (one point of the sweep); rows are the replicas of all blocks, by job, then
-- replica. rows.rate is the column "rate" (a tensor, one value a row; a list for texts), whether it was returned by
-- run or is a parameter; rows.gap is the series or array "gap". rows:where { H = 0.3 } are the rows with that parameter.
local pg = require "perigee"
local nearest = require "perigee.nearest"
local series = require "perigee.series"

local Rows = { __name = "perigee.experiment.rows" }
local rows = {}

--- Rows from blocks { job =, params =, count =, scalars = { name = tensor or list }, arrays = { name = tensor },
-- series = { name = series } } and the list of names that the sweep varies.
function rows.new(blocks, swept) return setmetatable({ blocks = blocks, swept = swept }, Rows) end

function rows.is(v) return getmetatable(v) == Rows end

--- Whether a column may not have this name, because rows.NAME is something else.
function rows.reserved(name) return Rows[name] ~= nil or name == "blocks" or name == "swept" end

function Rows.__len(self)
  local n = 0
  for _, block in ipairs(rawget(self, "blocks")) do n = n + block.count end
  return n
end

--- Values per row as a tensor when they are numbers or booleans (i64 if all are integers), else as they are.
function rows.pack(list)
  local integers = true
  for i, v in ipairs(list) do
    if type(v) == "boolean" then v = v and 1 or 0 end
    if type(v) ~= "number" then return list end
    integers = integers and math.type(v) == "integer"
    list[i] = v
  end
  return pg.tensor(list, integers and "i64" or "f64")
end

local function all_names(self)
  local names, seen = {}, {}
  local function gather(t)
    for name in pairs(t or {}) do
      if not seen[name] then names[#names + 1], seen[name] = name, true end
    end
  end
  local block = self.blocks[1] or {}
  gather(block.scalars)
  gather(block.arrays)
  gather(block.series)
  gather(block.params)
  return names
end

local function missing(self, name, level)
  local names = all_names(self)
  table.sort(names)
  local guess = nearest(tostring(name), names)
  error(("rows: nothing is called '%s' (%s)"):format(name, guess and "did you mean '" .. guess .. "'?" or
    "there is: " .. table.concat(names, ", ")), level + 1)
end

local function joined(parts)
  if #parts == 1 then return parts[1] end
  if pg.is_tensor(parts[1]) then return pg.concatenate(parts) end
  local all = {}
  for _, list in ipairs(parts) do table.move(list, 1, #list, #all + 1, all) end
  return all
end

local function one_block(self, name)
  if #self.blocks ~= 1 then
    error(("rows: series '%s' has %d points of the sweep; choose one with rows:where or rows:each"):format(name,
      #self.blocks), 4)
  end
  return self.blocks[1]
end

local function repeated(block, name)
  local list = {}
  for i = 1, block.count do list[i] = block.params[name] end
  return rows.pack(list)
end

local function lookup(self, name, level)
  local first = self.blocks[1]
  if not first then error(("rows: no rows, so no '%s'"):format(name), level + 1) end
  if first.series[name] then return one_block(self, name).series[name] end
  local parts = {}
  for i, block in ipairs(self.blocks) do
    if block.scalars[name] ~= nil then
      parts[i] = block.scalars[name]
    elseif block.arrays[name] then
      parts[i] = block.arrays[name]
    elseif block.params[name] ~= nil then
      parts[i] = repeated(block, name)
    else
      missing(self, name, level + 1)
    end
  end
  return joined(parts)
end

function Rows.__index(self, name)
  if Rows[name] ~= nil then return Rows[name] end
  return type(name) == "string" and lookup(self, name, 2) or nil
end

--- The column, array or series of that name, as rows.NAME.
function Rows:column(name) return lookup(self, name, 2) end

--- Names of the columns that run returned, sorted.
function Rows:names()
  local names = {}
  for name in pairs(self.blocks[1] and self.blocks[1].scalars or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function matches(params, wanted)
  for name, value in pairs(wanted) do
    if type(value) == "function" then
      if not value(params[name]) then return false end
    elseif params[name] ~= value then
      return false
    end
  end
  return true
end

--- The rows whose parameters have the wanted values; a function as value decides: { H = function(H) return H < 0.5 end }.
-- There may be none: then the result has length 0.
function Rows:where(wanted)
  local blocks = {}
  for name in pairs(wanted) do
    if self.blocks[1] and self.blocks[1].params[name] == nil then
      error(("rows:where: no parameter '%s'"):format(name), 2)
    end
  end
  for _, block in ipairs(self.blocks) do
    if matches(block.params, wanted) then blocks[#blocks + 1] = block end
  end
  return rows.new(blocks, self.swept)
end

--- Iterates over the points of the sweep: for p, part in rows:each() do; p are the parameters, part the rows.
function Rows:each()
  local i = 0
  return function()
    i = i + 1
    local block = self.blocks[i]
    if block then return block.params, rows.new({ block }, self.swept) end
  end
end

--- Mean and standard error of column y at each value of column or parameter x: three tensors, x increasing.
function Rows:group(x, y)
  local xs, ys, found, order = self:column(x):tolist(), self:column(y):tolist(), {}, {}
  for i, v in ipairs(xs) do
    if not found[v] then found[v], order[#order + 1] = { n = 0, sum = 0.0, squares = 0.0, shift = ys[i] }, v end
    local g, d = found[v], ys[i] - found[v].shift
    g.n, g.sum, g.squares = g.n + 1, g.sum + d, g.squares + d * d
  end
  table.sort(order)
  local mean, err = {}, {}
  for i, v in ipairs(order) do
    local g = found[v]
    mean[i] = g.shift + g.sum / g.n
    err[i] = g.n > 1 and math.sqrt(math.max(0, g.squares - g.sum^2 / g.n) / (g.n - 1) / g.n) or 0.0
  end
  return pg.tensor(order, "f64"), pg.tensor(mean, "f64"), pg.tensor(err, "f64")
end

function Rows:__tostring()
  return ("rows: %d rows of %d jobs, columns %s"):format(#self, #self.blocks, table.concat(self:names(), ", "))
end

-- From the outcomes of units of one job to a block ---------------------------------------------------------------------

local function same(a, b)
  if pg.is_tensor(a) then
    a, b = a:tolist(), b:tolist()
    if #a ~= #b then return false end
    for i, v in ipairs(a) do
      if not same(v, b[i]) then return false end
    end
    return true
  end
  return a == b or (a ~= a and b ~= b)
end

local function dependent(name)
  error(("'%s' is one number for all replicas, but differs between groups of them; return a value for each replica")
    :format(name), 0)
end

local function merge_scalar(name, parts, units)
  local list = {}
  for i, value in ipairs(parts) do
    if units[i].batched and not same(value, parts[1]) then dependent(name) end
    for _ = 1, units[i].count do list[#list + 1] = value end
  end
  return rows.pack(list)
end

local function matrix(data) return data:ndim() == 1 and data:reshape { data:dim(1), 1 } or data end

local function merge_column(name, parts, units)
  local batched = units[1].batched
  local shared = batched and (parts[1].data:ndim() == 1 or (parts[1].data:dim(2) == 1 and units[1].count > 1))
  if shared then
    for _, part in ipairs(parts) do
      if not same(part.data, parts[1].data) then dependent(name) end
    end
    return parts[1].data:reshape { parts[1].data:dim(1) }
  end
  local all = {}
  for i, part in ipairs(parts) do all[i] = matrix(part.data) end
  return pg.concatenate(all, 2)
end

local function merge_series(name, parts, units)
  local columns = {}
  for i, part in ipairs(parts) do
    if not same(part:points(), parts[1]:points()) then
      error(("series '%s': replicas %d and %d were recorded at different x; record at common ones"):format(name,
        units[1].first, units[i].first), 0)
    end
  end
  for _, column in ipairs(parts[1]:names()) do
    local values = {}
    for i, part in ipairs(parts) do values[i] = { data = part:column(column) } end
    columns[#columns + 1] = { name = column, data = merge_column(name .. "." .. column, values, units) }
  end
  return series.of(parts[1]:points(), columns)
end

local function merge_tensor(parts, units)
  if units[1].batched then return pg.concatenate(parts) end        -- the leading axis is the replica
  return pg.stack(parts)
end

local function sorted_fields(units)
  local names = {}
  for name in pairs(units[1].fields) do names[#names + 1] = name end
  table.sort(names)
  for _, unit in ipairs(units) do
    for name in pairs(unit.fields) do
      if units[1].fields[name] == nil then error(("'%s' is returned by some replicas only"):format(name), 0) end
    end
  end
  return names
end

--- The block of a job from the outcomes of its units { first =, count =, batched =, fields = { name = value } },
-- sorted by `first`. Errors (a text, without position) say what run returned that cannot be put together.
function rows.merge(job, params, units)
  local block = { job = job, params = params, count = 0, scalars = {}, arrays = {}, series = {} }
  for _, unit in ipairs(units) do block.count = block.count + unit.count end
  for _, name in ipairs(sorted_fields(units)) do
    local parts = {}
    for i, unit in ipairs(units) do
      parts[i] = unit.fields[name]
      if type(parts[i]) ~= type(parts[1]) then error(("'%s' is returned by some replicas only"):format(name), 0) end
    end
    if series.is(parts[1]) then
      block.series[name] = merge_series(name, parts, units)
    elseif pg.is_tensor(parts[1]) then
      local all = merge_tensor(parts, units)
      if all:ndim() == 1 then block.scalars[name] = all else block.arrays[name] = all end
    else
      block.scalars[name] = merge_scalar(name, parts, units)
    end
  end
  return block
end

return rows
