-- plot/rows.lua: from the rows of an experiment to curves with a centre, a band and sample paths.
--
-- Rows may be the object that report(rows, out) receives, a recorded series, an array of tables (one a row) or a table
-- of columns. A name stands for a column of numbers, one a row, or for curves: a series ("gap", "gap.bound") or arrays.
-- Numbers at the same x are replicas of one point; curves of the same job are replicas of one curve. Both become
--   { x = , center = , lo = , hi = , paths = , label = }.
-- Quantiles are of type 7; the standard error is the sample deviation over sqrt(n), 0 for a single replica.

local values = require "perigee.plot.values"

local rows = {}

local function class(v)
  local meta = getmetatable(v)
  return type(meta) == "table" and rawget(meta, "__name") or nil
end
local function is_rows(v) return class(v) == "perigee.experiment.rows" end
local function is_series(v) return class(v) == "perigee.series" end

local function missing(who, name) error(("%s: rows have no '%s'"):format(who, tostring(name)), 0) end

-- Replicates of a curve are kept as `points x replicas`: a tensor, or columns of Lua numbers.
local Replicas = {}
Replicas.__index = Replicas

local function transposed(m)
  local r = {}
  for j = 1, m[1] and #m[1] or 0 do
    r[j] = {}
    for i = 1, #m do r[j][i] = m[i][j] end
  end
  return r
end

-- cells[i] are the values at point i.
local function from_cells(cells) return setmetatable({ cells = cells }, Replicas) end

local function from_tensor(t) return setmetatable({ tensor = t }, Replicas) end

function Replicas:values()
  self.cells = self.cells or values.matrix(self.tensor, "out")
  return self.cells
end

local function mean_of(list)
  local sum = 0.0
  for _, v in ipairs(list) do sum = sum + v end
  return sum / #list
end

local function error_of(list)
  local m, sum = mean_of(list), 0.0
  for _, v in ipairs(list) do sum = sum + (v - m) ^ 2 end
  return #list > 1 and math.sqrt(sum / (#list - 1) / #list) or 0.0
end

-- f of the values at each point; the tensor library does it when it can.
local function each(self, by_tensor, by_list)
  if self.tensor then return values.vector(by_tensor(self.tensor), "out") end
  local r = {}
  for i, cell in ipairs(self.cells) do r[i] = by_list(cell) end
  return r
end

function Replicas:mean() return each(self, function(t) return t:mean(2) end, mean_of) end

function Replicas:quantile(q)
  return each(self, function(t) return t:quantile(q, 2) end, function(cell)
    local sorted = table.move(cell, 1, #cell, 1, {})
    table.sort(sorted)
    return values.quantile(sorted, q)
  end)
end

function Replicas:stderr()
  local cells = self:values()
  local r = {}
  for i, cell in ipairs(cells) do r[i] = error_of(cell) end
  return r
end

function Replicas:paths(n)
  local cells = self:values()
  local available = cells[1] and #cells[1] or 0
  for _, cell in ipairs(cells) do available = math.min(available, #cell) end
  local r = {}
  for k = 1, math.min(n, available) do
    r[k] = {}
    for i, cell in ipairs(cells) do r[k][i] = cell[k] end
  end
  return r
end

-- A curve given as a vector (one replica) or a matrix, either way round; `x` tells which side is the points.
local function replicas_of(v, x, who)
  local plain = values.plain(v)
  if type(plain[1]) == "number" or type(plain[1]) == "boolean" or plain[1] == nil then
    local cells = {}
    for i, y in ipairs(values.vector(plain, who)) do cells[i] = { y } end
    return from_cells(cells)
  end
  local m = values.matrix(plain, who)
  local by_rows = x and #m[1] == #x and #m ~= #x or not x
  return from_cells(by_rows and transposed(m) or m)
end

local function counting(n)
  local r = {}
  for i = 1, n do r[i] = i + 0.0 end
  return r
end

-- Curves of a recorded series: one column, or all of them when none is named. (points) or (points, replicas).
local function series_curves(s, column, prefix)
  local list = {}
  for _, name in ipairs(column and { column } or s:names()) do
    local data = s:column(name)
    local label = name == "value" and prefix or name
    list[#list + 1] = {
      x = values.vector(s:points(), "out"), label = label,
      replicas = data:ndim() == 2 and from_tensor(data) or replicas_of(data, nil, "out"),
    }
  end
  return list
end

local function show(v) return type(v) == "number" and values.fixed("%.6g", v) or tostring(v) end

local function block_label(all, params, multiple)
  if not multiple then return nil end
  local parts = {}
  for _, name in ipairs(rawget(all, "swept") or {}) do parts[#parts + 1] = ("%s = %s"):format(name, show(params[name])) end
  return table.concat(parts, ", ")
end

-- Curves that a name stands for in an experiment's rows, or nil when it is a column of numbers.
local function row_curves(all, name, x, who)
  local base, column = name:match "^([^.]+)%.(.+)$"
  local list, blocks = {}, 0
  for _ in all:each() do blocks = blocks + 1 end
  for params, part in all:each() do
    local v = part:column(base or name)
    local curves
    if is_series(v) then
      curves = series_curves(v, column, nil)
    elseif values.is_tensor(v) and v:ndim() == 2 then
      local abscissae = type(x) == "string" and values.matrix(part:column(x), who)[1] or x
      local cells = transposed(values.matrix(v, who))
      curves = { { x = abscissae or counting(#cells), replicas = from_cells(cells) } }
    else
      return nil
    end
    local where = block_label(all, params, blocks > 1)
    for _, c in ipairs(curves) do
      c.label = where and (c.label and #curves > 1 and c.label .. ", " .. where or where) or c.label
      list[#list + 1] = c
    end
  end
  return list
end

-- A column of an array of tables: one value a row.
local function field(all, name, who)
  local r = {}
  for i, row in ipairs(all) do
    r[i] = row[name]
    if r[i] == nil then missing(who, name) end
  end
  return r
end

local function is_row_list(all)
  local first = all[1]
  return type(first) == "table" and not values.is_tensor(first) and #first == 0 and next(first) ~= nil
end

--- Values of a column, one a row: numbers or texts. `name` may also be the values themselves.
function rows.column(all, name, who)
  if type(name) ~= "string" then return values.plain(name) end
  if all == nil then missing(who, name) end
  if is_rows(all) or is_series(all) then return values.plain(all:column(name)) end
  if is_row_list(all) then return field(all, name, who) end
  if all[name] == nil then missing(who, name) end
  return values.plain(all[name])
end

local function list_curves(all, name, x, who)
  local first = all[1][name]
  if first == nil then missing(who, name) end
  if is_series(first) then
    local list = {}
    for _, c in ipairs(series_curves(first, nil, nil)) do list[#list + 1] = c end
    return list
  end
  if not values.is_sequence(first) then return nil end
  local at = type(x) == "string" and values.vector(all[1][x] or missing(who, x), who) or x
  local paths = {}
  for i, row in ipairs(all) do paths[i] = values.vector(row[name], who .. ": " .. name) end
  for i, path in ipairs(paths) do
    if #path ~= #paths[1] then error(("%s: '%s' has %d points in row %d, %d in row 1"):format(who, name, #path, i, #paths[1]), 0) end
  end
  return { { x = at or counting(#paths[1]), replicas = from_cells(transposed(paths)) } }
end

-- Rows with one number each: those of equal group make a curve, those of equal x a point.
local function grouped(all, spec, who)
  local xs, ys = rows.column(all, spec.x, who), rows.column(all, spec.y, who)
  local groups = spec.group and rows.column(all, spec.group, who)
  local order, found = {}, {}
  for i = 1, #ys do
    local g = groups and groups[i] or "all"
    local curve = found[g]
    if not curve then
      local label = type(g) == "string" and g or ("%s = %s"):format(tostring(spec.group), show(g))
      curve = { at = {}, xs = {}, label = groups and label or nil }
      found[g], order[#order + 1] = curve, curve
    end
    local x = xs[i]
    if not curve.at[x] then curve.at[x], curve.xs[#curve.xs + 1] = {}, x end
    table.insert(curve.at[x], (values.vector(ys[i], who)[1]))
  end
  for _, curve in ipairs(order) do
    table.sort(curve.xs)
    local cells = {}
    for i, x in ipairs(curve.xs) do cells[i] = curve.at[x] end
    curve.x, curve.replicas = values.vector(curve.xs, who .. ": x"), from_cells(cells)
  end
  return order
end

--- Curves of spec.y over spec.x: a list of { x = , replicas = , label = }. spec.group splits rows of numbers.
function rows.curves(all, spec, who)
  local y, x = spec.y, spec.x
  if x ~= nil and type(x) ~= "string" then x = values.vector(x, who .. ": x") end
  if y == nil and is_series(all) then return series_curves(all, nil, nil) end
  if y == nil then error(("%s: give y, the name of a column or its values"):format(who), 0) end
  if type(y) ~= "string" then
    if type(x) == "string" then x = values.vector(rows.column(all, x, who), who .. ": x") end
    local r = replicas_of(y, x, who .. ": y")
    return { { x = x or counting(#r:values()), replicas = r } }
  end
  if all == nil then missing(who, y) end
  local curves
  if is_series(all) then
    curves = series_curves(all, y, nil)
    if x then curves[1].x = values.vector(rows.column(all, x, who), who .. ": x") end
  elseif is_rows(all) then
    curves = row_curves(all, y, x, who)
  elseif is_row_list(all) then
    curves = list_curves(all, y, x, who)
  else
    if type(x) == "string" then x = values.vector(rows.column(all, x, who), who .. ": x") end
    local r = replicas_of(rows.column(all, y, who), x, who .. ": " .. y)
    curves = { { x = x or counting(#r:values()), replicas = r } }
  end
  if curves then return curves end
  if x == nil then error(("%s: give x, the name of a column"):format(who), 0) end
  return grouped(all, { x = spec.x, y = y, group = spec.group }, who)
end

local function levels(band, who)
  local a, b = tostring(band):match "^(%d+%.?%d*)%-(%d+%.?%d*)$"
  a, b = tonumber(a), tonumber(b)
  if not a or a >= b or b > 100 then
    error(("%s: band must be \"stderr\", percentages such as \"10-90\", or { lo, hi }, got '%s'"):format(who, tostring(band)), 0)
  end
  return a / 100, b / 100
end

--- Centre, lower and upper ends of a curve with replicas. center: "mean" or "median"; band: nil, "stderr", "10-90", or
-- { lo, hi } as names of columns, arrays or quantile levels. Returns center, lo, hi and a label for the band.
function rows.summary(all, curve, center, band, who)
  local r = curve.replicas
  local middle = center == "median" and r:quantile(0.5) or r:mean()
  if band == nil or band == false then return middle end
  if type(band) == "table" and #band == 2 then
    if type(band[1]) == "number" then return middle, r:quantile(band[1]), r:quantile(band[2]) end
    local function side(v) return rows.curves(all, { x = curve.x, y = v }, who)[1].replicas:mean() end
    return middle, side(band[1]), side(band[2])
  end
  if band == "stderr" then
    local lo, hi, e = {}, {}, r:stderr()
    for i, m in ipairs(middle) do lo[i], hi[i] = m - e[i], m + e[i] end
    return middle, lo, hi, "± standard error"
  end
  local a, b = levels(band, who)
  return middle, r:quantile(a), r:quantile(b), (tostring(band):gsub("%-", "–") .. " %")
end

rows.show, rows.is_rows, rows.is_series, rows.is_row_list = show, is_rows, is_series, is_row_list
return rows
