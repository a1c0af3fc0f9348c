-- series.lua: curves recorded during a run, one point at a time: gap:add(k, f(x), bound * rho^k).
--
-- A column holds one number a point, shared by all replicas, or one value a point and replica. The memory is one
-- tensor for x and one a column, (points) or (points, replicas), doubled when full; a million points cost no table.
local pg = require "perigee"
local nearest = require "perigee.nearest"

local Series = { __name = "perigee.series" }

local is_tensor = pg.is_tensor

-- gap.bound is the column "bound" and gap.x the abscissae; methods come first.
function Series.__index(self, key)
  if Series[key] ~= nil then return Series[key] end
  if key == "x" then return self:points() end
  return type(key) == "string" and self:column(key) or nil
end

function Series.__len(self) return rawget(self, "count") end

--- A recorder. pg.series() has one column, "value"; pg.series { "gd", "bound" } has these.
local function series(names)
  local columns = {}
  for i, name in ipairs(names or { "value" }) do
    if type(name) ~= "string" or Series[name] ~= nil or name == "x" then
      error(("series: %s cannot name a column"):format(tostring(name)), 2)
    end
    columns[i] = { name = name }
  end
  return setmetatable({ unnamed = not names, count = 0, room = 0, columns = columns }, Series)
end

--- A finished series from tensors: x (points) and columns { { name =, data = (points) or (points, replicas) } ... }.
function Series.of(x, columns)
  return setmetatable({ count = #x, room = #x, columns = columns, abscissae = x }, Series)
end

function Series.is(v) return getmetatable(v) == Series end

local function enlarged(data, count, room)
  local dims = data:dims()
  dims[1] = room
  local larger = pg.zeros(dims)
  larger[{ { 1, count } }]:copy_(data[{ { 1, count } }])
  return larger
end

local function grow(self)
  local room = math.max(64, 2 * self.room)
  self.abscissae = self.count == 0 and pg.zeros { room } or enlarged(self.abscissae, self.count, room)
  for _, column in ipairs(self.columns) do
    if column.data then column.data = enlarged(column.data, self.count, room) end
  end
  self.room = room
end

-- Numbers, 0-d tensors and tensors of one element are one number for all replicas.
local function plain(value)
  if not is_tensor(value) then return value end
  return value:size() == 1 and value:ndim() == 0 and value:item() or value
end

local function describe(replicas) return replicas and replicas .. " replicas" or "a number" end

-- The values of a point as numbers and tensors; raises before anything is written.
local function check(self, ...)
  local values = { ... }
  for i, column in ipairs(self.columns) do
    local value = plain(values[i])
    local replicas = is_tensor(value) and value:size() or nil
    if not replicas and type(value) ~= "number" then
      error(("series: column '%s' needs a number or a tensor, got a %s"):format(column.name, type(value)), 3)
    end
    if self.count > 0 and column.replicas ~= replicas then
      error(("series: column '%s' holds %s a point, got %s"):format(column.name, describe(column.replicas),
        describe(replicas)), 3)
    end
    values[i] = value
  end
  return values
end

local function put(self, column, value)
  if self.count == 1 then
    column.replicas = is_tensor(value) and value:size() or nil
    column.data = pg.zeros { self.room, column.replicas }
  end
  if column.replicas then column.data[self.count]:copy_(value) else column.data[self.count] = value end
end

--- Adds the point x with one value for each column: a number, or a tensor of one value for each replica.
function Series:add(x, ...)
  local given = select("#", ...)
  if self.unnamed and self.count == 0 then                 -- pg.series() learns its width here
    for i = 2, given do self.columns[i] = { name = "value" .. i } end
  end
  if given ~= #self.columns then
    error(("series: add needs x and %d values, got %d"):format(#self.columns, given), 2)
  end
  local values = check(self, ...)
  if self.count == self.room then grow(self) end
  self.count = self.count + 1
  self.abscissae[self.count] = plain(x)
  for i, column in ipairs(self.columns) do put(self, column, values[i]) end
end

local function find(self, name)
  if name == nil then return self.columns[1] end
  local names = {}
  for i, column in ipairs(self.columns) do
    if column.name == name then return column end
    names[i] = column.name
  end
  local guess = nearest(name, names)
  error(("series: no column '%s' (%s)"):format(name, guess and "did you mean '" .. guess .. "'?" or
    "columns: " .. table.concat(names, ", ")), 4)
end

local function filled(self, data) return data and data[{ { 1, self.count } }] or pg.zeros { 0 } end

--- The abscissae, (points).
function Series:points() return filled(self, rawget(self, "abscissae")) end

--- The values of a column (nil: the first): (points), or (points, replicas).
function Series:column(name) return filled(self, find(self, name).data) end

--- Puts other values, (points) or (points, replicas), in place of a column.
function Series:replace(name, data) find(self, name).data = data end

--- Names of the columns, in order.
function Series:names()
  local names = {}
  for i, column in ipairs(self.columns) do names[i] = column.name end
  return names
end

--- Number of replicas of a column, nil if it is shared.
function Series:replicas(name)
  local values = self:column(name)
  return values:ndim() == 2 and values:dim(2) or nil
end

--- Mean over replicas, (points); a shared column is its own mean.
function Series:mean(name)
  local values = self:column(name)
  return values:ndim() == 2 and values:mean(2) or values
end

--- Standard error of the mean over replicas, (points); 0 where there is nothing to average.
function Series:stderr(name)
  local values = self:column(name)
  if values:ndim() == 1 or values:dim(2) == 1 then return pg.zeros { #self } end
  return values:std(2) / math.sqrt(values:dim(2))
end

--- The q-quantile over replicas (type 7), (points).
function Series:quantile(q, name)
  local values = self:column(name)
  return values:ndim() == 2 and values:quantile(q, 2) or values
end

--- Position of the point x; an error if it was not recorded.
function Series:index(x)
  local points = self:points()
  local low, high = 1, #self                               -- points usually increase
  while low < high do
    local mid = (low + high) // 2
    if points[mid] < x then low = mid + 1 else high = mid end
  end
  if high > 0 and points[low] == x then return low end
  for i = 1, #self do
    if points[i] == x then return i end
  end
  error(("series: no point x = %g"):format(x), 2)
end

--- Value of a column at the point x: a number, or a tensor (replicas).
function Series:at(x, name) return self:column(name)[self:index(x)] end

--- The factor per unit of x by which a column decays: exp of the least-squares slope of its logarithm (of its mean
-- over replicas) over the points behind the fraction `from` of the range of x. Values <= 0 are left out.
function Series:decay_rate(opt)
  opt = pg.options("series.decay_rate", opt, { from = 0.5, column = pg.optional })
  local xs, ys = self:points():tolist(), self:mean(opt.column):tolist()
  local start = xs[1] + opt.from * (xs[#xs] - xs[1])
  local n, sx, sy, sxx, sxy = 0, 0.0, 0.0, 0.0, 0.0
  for i, x in ipairs(xs) do
    if x >= start and ys[i] > 0 then
      local u, v = x - start, math.log(ys[i])
      n, sx, sy, sxx, sxy = n + 1, sx + u, sy + v, sxx + u * u, sxy + u * v
    end
  end
  if n < 2 then error("series.decay_rate: fewer than two positive values in the range", 2) end
  return math.exp((n * sxy - sx * sy) / (n * sxx - sx * sx))
end

function Series:__tostring()
  return ("series: %d points, columns %s"):format(#self, table.concat(self:names(), ", "))
end

return setmetatable({ of = Series.of, is = Series.is }, { __call = function(_, ...) return series(...) end })
