-- results.lua: the folder of an experiment's results, written as a whole and read back.
--
--   run.json    what ran: parameters, points of the sweep, seed, version, SHA-256 of the script, kernels
--   rows.csv    a line for each job and replica: job, replica, swept parameters, numbers that run returned
--   NAME.csv    a line for each point of the series NAME: swept parameters, x, and for each column its value if it is
--               one number for all replicas, else mean, stderr, q10, q50, q90 over replicas
--   NAME.npy    (lines of NAME.csv, replicas), all replicas; NAME.COLUMN.npy where a series has named columns;
--               or the array NAME, whose leading axis are the lines of rows.csv
--   timing.json seconds; the only file that differs between two runs of one seed
--
-- Everything is written into a folder aside and renamed into place when all of it is there: until then the results of
-- an earlier run stand untouched.
local pg = require "perigee"
local failure = require "perigee.experiment.failure"
local json = require "perigee.json"
local rows = require "perigee.experiment.rows"
local series = require "perigee.series"
local table_file = require "perigee.results.table"

local results = {}

local function cannot(verb, path, reason)
  failure.raise(failure.RESOURCES, "results: cannot %s '%s': %s", verb, path, (reason:gsub("^.*: ", "")))
end

local function put(path, text)
  local file, reason = io.open(path, "wb")
  if not file then cannot("write", path, reason) end
  local ok, why = file:write(text)
  local closed, late = file:close()                        -- a full disk may show only here
  if not (ok and closed) then
    os.remove(path)
    cannot("write", path, why or late)
  end
end

local function get(path)
  local file, reason = io.open(path, "rb")
  if not file then
    failure.raise(failure.USAGE, "results: cannot read '%s': %s", path, (reason:gsub("^.*: ", "")))
  end
  local text, why = file:read "a"
  file:close()
  if not text then failure.raise(failure.USAGE, "results: cannot read '%s': %s", path, why) end
  return text
end

--- Makes the folder and fails, with status 4, unless files can be written there: before computing, not after.
function results.prepare(dir)
  local ok, reason = pg.system.mkdir(dir)
  if not ok then cannot("make the folder", dir, reason) end
  local probe = ("%s/.probe-%d"):format(dir, pg.system.pid())
  put(probe, "x")
  os.remove(probe)
end

-- Writing ------------------------------------------------------------------------------------------------------------------

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function plain(column) return pg.is_tensor(column) and column:tolist() or column end

local function shown(params_value)                         -- list-valued parameters are one cell
  return type(params_value) == "table" and table.concat(params_value, " ") or params_value
end

local function rows_table(all)
  local names, columns = { "job", "replica" }, { {}, {} }
  for _, block in ipairs(all.blocks) do
    for replica = 1, block.count do
      table.insert(columns[1], block.job)
      table.insert(columns[2], replica)
    end
  end
  for _, name in ipairs(all.swept) do
    local column = {}
    for _, block in ipairs(all.blocks) do
      for _ = 1, block.count do column[#column + 1] = shown(block.params[name]) end
    end
    names[#names + 1], columns[#columns + 1] = name, column
  end
  for _, name in ipairs(all:names()) do
    names[#names + 1], columns[#columns + 1] = name, plain(all:column(name))
  end
  return names, columns
end

local statistics = {
  { "mean", function(s, name) return s:mean(name) end },
  { "stderr", function(s, name) return s:stderr(name) end },
  { "q10", function(s, name) return s:quantile(0.1, name) end },
  { "q50", function(s, name) return s:quantile(0.5, name) end },
  { "q90", function(s, name) return s:quantile(0.9, name) end },
}

local function add_statistics(names, columns, s, column, at)
  local prefix = column == "value" and "" or column .. "_"
  for i, statistic in ipairs(statistics) do
    columns[at + i] = columns[at + i] or {}
    names[at + i] = prefix .. statistic[1]
    local list = statistic[2](s, column):tolist()
    table.move(list, 1, #list, #columns[at + i] + 1, columns[at + i])
  end
  return at + #statistics
end

local function add_series(names, columns, swept, block, s)
  for i, name in ipairs(swept) do
    columns[i], names[i] = columns[i] or {}, name
    for _ = 1, #s do table.insert(columns[i], shown(block.params[name])) end
  end
  local at = #swept + 1
  columns[at], names[at] = columns[at] or {}, "x"
  local x = s:points():tolist()
  table.move(x, 1, #x, #columns[at] + 1, columns[at])
  for _, column in ipairs(s:names()) do
    if s:replicas(column) then
      at = add_statistics(names, columns, s, column, at)
    else
      at = at + 1
      columns[at], names[at] = columns[at] or {}, column
      local list = s:column(column):tolist()
      table.move(list, 1, #list, #columns[at] + 1, columns[at])
    end
  end
end

-- Of a series that not all jobs recorded alike, the layout is the one in which a column is replicated anywhere.
local function check_alike(name, blocks)
  local first = blocks[1].series[name]
  for _, block in ipairs(blocks) do
    local s = block.series[name]
    if not s or table.concat(s:names(), ",") ~= table.concat(first:names(), ",") then
      failure.raise(failure.SCRIPT, "results: series '%s' has other columns in job %d than in job 1", name, block.job)
    end
  end
end

-- All replicas of a column that any job has replicated, (points of all jobs, replicas); nil if none has.
local function replicated(blocks, name, column)
  local any, parts = false, {}
  for i, block in ipairs(blocks) do
    local s = block.series[name]
    any = any or s:replicas(column) ~= nil
    parts[i] = s:column(column)
  end
  if not any then return nil end
  for i, block in ipairs(blocks) do
    if parts[i]:ndim() == 1 then                           -- shared in this job: the same for each of its replicas
      parts[i] = parts[i]:reshape { parts[i]:dim(1), 1 } * pg.ones { 1, block.count }
    end
  end
  return pg.concatenate(parts, 1)
end

local function widen(blocks, name)                         -- makes the columns of all jobs alike
  for _, column in ipairs(blocks[1].series[name]:names()) do
    local all = replicated(blocks, name, column)
    if all then
      local at = 1
      for _, block in ipairs(blocks) do
        local s = block.series[name]
        s:replace(column, all[{ { at, at + #s - 1 } }])
        at = at + #s
      end
    end
  end
end

local function series_files(all, name, files)
  check_alike(name, all.blocks)
  widen(all.blocks, name)
  local names, columns, replicas = {}, {}, json.array {}
  for _, block in ipairs(all.blocks) do add_series(names, columns, all.swept, block, block.series[name]) end
  files[name .. ".csv"] = table_file.write(names, columns)
  local lengths = json.array {}
  for i, block in ipairs(all.blocks) do lengths[i] = #block.series[name] end
  for _, column in ipairs(all.blocks[1].series[name]:names()) do
    local data = replicated(all.blocks, name, column)
    if data then
      files[(column == "value" and name or name .. "." .. column) .. ".npy"] = data
      replicas[#replicas + 1] = column
    end
  end
  return { columns = json.array(all.blocks[1].series[name]:names()), replicated = replicas, points = lengths }
end

-- Contents of all files but timing.json, by name: texts, and tensors for .npy.
local function contents(all, meta)
  local files, first = {}, all.blocks[1]
  files["rows.csv"] = table_file.write(rows_table(all))
  local integers = json.array {}
  for _, name in ipairs(all:names()) do
    local column = all:column(name)
    if pg.is_tensor(column) and column:dtype() == "i64" then integers[#integers + 1] = name end
  end
  local record = { series = {}, integers = integers, arrays = json.array(sorted(first.arrays)), columns = json.array(all:names()),
                   swept = json.array(all.swept), jobs = json.array {} }
  for key, value in pairs(meta) do record[key] = value end
  for i, block in ipairs(all.blocks) do record.jobs[i] = { params = block.params, replicas = block.count } end
  for _, name in ipairs(record.arrays) do files[name .. ".npy"] = all:column(name) end
  for _, name in ipairs(sorted(first.series)) do record.series[name] = series_files(all, name, files) end
  record.files = json.array(sorted(files))
  files["run.json"] = json.encode(record)
  return files
end

local function save(path, content)
  if type(content) == "string" then return put(path, content) end
  local ok, reason = pcall(pg.io.save_npy, path, content)
  if not ok then cannot("write", path, tostring(reason)) end
end

-- Files of the run before that this one does not have.
local function stale(dir, files)
  local file = io.open(dir .. "/run.json", "rb")
  local ok, old = pcall(json.decode, file and file:read "a" or "")
  if file then file:close() end
  local list = {}
  for _, name in ipairs(ok and type(old) == "table" and type(old.files) == "table" and old.files or {}) do
    if type(name) == "string" and not name:find "[/%z]" and files[name] == nil then list[#list + 1] = name end
  end
  return list
end

--- Writes rows, what ran (`meta`, for run.json) and `timing` into the folder, replacing earlier results as a whole.
-- Fails with status 4 if the disk is full or refuses.
function results.write(dir, all, meta, timing)
  local files = contents(all, meta)
  files["timing.json"] = json.encode(timing)
  local aside = ("%s/.partial-%d"):format(dir, pg.system.pid())
  local ok, reason = pg.system.mkdir(aside)
  if not ok then cannot("make the folder", aside, reason) end
  local names = sorted(files)
  local written, why = pcall(function()
    for _, name in ipairs(names) do save(aside .. "/" .. name, files[name]) end
  end)
  if written then
    for _, name in ipairs(stale(dir, files)) do os.remove(dir .. "/" .. name) end
    for _, name in ipairs(names) do
      local moved, cause = os.rename(aside .. "/" .. name, dir .. "/" .. name)
      if not moved then
        written, why = pcall(cannot, "write", dir .. "/" .. name, cause)
        break
      end
    end
  end
  for _, name in ipairs(names) do os.remove(aside .. "/" .. name) end
  os.remove(aside)
  if not written then error(why, 0) end
end

-- Reading ------------------------------------------------------------------------------------------------------------------

local function slice(list, from, to) return table.move(list, from, to, 1, {}) end

local function floats(list)                                -- 2.0 is written as 2
  for i, v in ipairs(list) do list[i] = math.type(v) == "integer" and v + 0.0 or v end
  return list
end

-- The columns of a table that must have so many lines.
local function read_table(dir, file, wanted)
  local names, columns = table_file.read(get(dir .. "/" .. file))
  local n = #columns[names[1]]
  if n ~= wanted then error(("%s has %d lines, run.json says %d"):format(file, n, wanted), 0) end
  return columns
end

local function sum(list, field)
  local total = 0
  for _, v in ipairs(list) do total = total + (field and v[field] or v) end
  return total
end

local function read_series(dir, name, record, blocks)
  local columns, all = read_table(dir, name .. ".csv", sum(record.points)), {}
  for _, column in ipairs(record.replicated) do
    all[column] = pg.io.load_npy(("%s/%s.npy"):format(dir, column == "value" and name or name .. "." .. column))
  end
  local at = 1
  for i, block in ipairs(blocks) do
    local last, list = at + record.points[i] - 1, {}
    for k, column in ipairs(record.columns) do
      list[k] = { name = column, data = all[column] and all[column][{ { at, last } }]
        or pg.tensor(slice(columns[column], at, last), "f64") }
    end
    block.series[name] = series.of(pg.tensor(slice(columns.x, at, last), "f64"), list)
    at = last + 1
  end
end

local function read(dir)
  local record = json.decode(get(dir .. "/run.json"))
  local columns = read_table(dir, "rows.csv", sum(record.jobs, "replicas"))
  local blocks, at, arrays, integer = {}, 1, {}, {}
  for _, name in ipairs(record.integers) do integer[name] = true end
  for _, name in ipairs(record.arrays) do arrays[name] = pg.io.load_npy(("%s/%s.npy"):format(dir, name)) end
  for job, entry in ipairs(record.jobs) do
    local block = { job = job, params = entry.params, count = entry.replicas, scalars = {}, arrays = {}, series = {} }
    local last = at + block.count - 1
    for _, name in ipairs(record.columns) do
      local list = slice(columns[name], at, last)
      block.scalars[name] = rows.pack(integer[name] and list or floats(list))
    end
    for name, array in pairs(arrays) do block.arrays[name] = array[{ { at, last } }] end
    blocks[job], at = block, last + 1
  end
  for name, entry in pairs(record.series) do read_series(dir, name, entry, blocks) end
  return rows.new(blocks, record.swept), record
end

--- The rows and the contents of run.json that results.write left in a folder; a usage failure if they are not there or
-- not as they were written.
function results.read(dir)
  local ok, all, record = pcall(read, dir)
  if ok then return all, record end
  if failure.is(all) then error(all, 0) end
  failure.raise(failure.USAGE, "results: '%s' does not hold results as they were written: %s", dir, tostring(all))
end

return results
