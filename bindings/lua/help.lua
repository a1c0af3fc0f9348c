-- help.lua: pg.help "tensor.sum" prints the signature and the sentence of the row that binds a function.
--
-- pg.documentation holds one row a binding: name -> { signature, sentence }; the names of a module share what stands before the
-- dot. What is written in Lua has its rows in perigee.help_rows.
local pg = require "perigee"
local nearest = require "perigee.nearest"

local help = {}

local sentences = {
  tensor = "arrays of numbers: arithmetic, reductions, shapes, indexing; every function is a method as well",
  numeric = "special functions, integrals, roots, minima, fits, differential equations, laws",
  linalg = "products, systems of equations, factorisations, eigenvalues and traces of operators",
  random = "generators by seed",
  process = "random processes in continuous time",
  diag = "what is exact about a method, and what a run tells",
  optim = "optimisers, schedules of step sizes, averages of iterates, projections",
  io = "CSV, NPY and NPZ files",
  ad = "recording and gradients",
  workers = "threads that each own a Lua state, for the jobs of an experiment",
  testing = "what tests look at and provoke: live tensors, failing allocations",
  system = "the little that experiments ask of the operating system",
  series = "curves recorded during a run",
  rows = "what an experiment computed, as report and check see it",
  claim = "comparisons with what the paper says, in an experiment's check",
  plot = "figures",
}

local function all_rows()
  local rows = {}
  for name, row in pairs(pg.documentation) do rows[name] = row end
  for name, row in pairs(require "perigee.help_rows") do rows[name] = row end
  return rows
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- The modules that have rows: { name = number of rows }.
function help.modules()
  local modules = {}
  for name in pairs(all_rows()) do
    local module = name:match "^(.-)%."
    if module then modules[module] = (modules[module] or 0) + 1 end
  end
  return modules
end

local function overview()
  local modules, lines = help.modules(), { "help NAME, e.g. help tensor.sum; the names of a module: help tensor", "" }
  for _, name in ipairs(sorted(modules)) do
    local sentence = sentences[name] or ("%d functions"):format(modules[name])
    lines[#lines + 1] = ("  %-12s %s"):format(name, sentence)
  end
  for _, name in ipairs(sorted(require "perigee.help_rows")) do
    if not name:find "%." then lines[#lines + 1] = ("  %-12s %s"):format(name, require "perigee.help_rows"[name][2]) end
  end
  return table.concat(lines, "\n")
end

local function module_text(module)
  local rows, names, width = all_rows(), {}, 0
  for name in pairs(rows) do
    local short = name:match("^" .. module .. "%.(.*)$")
    if short and not short:find "^__" then
      names[#names + 1] = short
      width = math.max(width, #short)
    end
  end
  table.sort(names)
  local lines = { sentences[module] and module .. ": " .. sentences[module] or module, "" }
  for _, short in ipairs(names) do
    lines[#lines + 1] = ("  %-" .. width .. "s  %s"):format(short, rows[module .. "." .. short][2])
  end
  return table.concat(lines, "\n")
end

local function row_text(name, row) return ("%s\n  %s\n  %s"):format(name, row[1], row[2]) end

-- The rows whose last part is the name: `help "sum"`.
local function by_last_part(name, rows)
  local found = {}
  for full in pairs(rows) do
    if full:match "[^.]*$" == name then found[#found + 1] = full end
  end
  table.sort(found)
  return found
end

local function suggestion(name, rows)
  local names = sorted(rows)
  for module in pairs(help.modules()) do names[#names + 1] = module end
  local guess = nearest(name, names)
  if guess or name:find "%." then return guess end
  local short, full = {}, {}
  for _, whole in ipairs(names) do
    local last = whole:match "[^.]*$"
    short[#short + 1] = last
    full[last] = full[last] or whole
  end
  return full[nearest(name, short) or ""]
end

--- What there is to say about a name (nil: the modules), or nil and a message.
-- A name is a row's ("tensor.sum", also "tensor:sum" and "pg.sum"), a module's, or the last part of a row's.
function help.text(name)
  if name == nil then return overview() end
  local rows = all_rows()
  name = name:gsub(":", "."):gsub("^perigee%.", ""):gsub("^pg%.", "")
  if rows[name] then return row_text(name, rows[name]) end
  if help.modules()[name] then return module_text(name) end
  local found = by_last_part(name, rows)
  if #found > 0 then
    for i, full in ipairs(found) do found[i] = row_text(full, rows[full]) end
    return table.concat(found, "\n")
  end
  local guess = suggestion(name, rows)
  return nil, ("help: nothing is called '%s' (%s)"):format(name, guess and ("did you mean '%s'?"):format(guess) or "`help` lists the modules")
end

local function find_function(f)
  for key, value in pairs(pg) do
    if value == f then return "tensor." .. tostring(key) end
    if type(value) == "table" and value ~= pg.documentation then
      for inner, v in pairs(value) do
        if v == f then return tostring(key) .. "." .. tostring(inner) end
      end
    end
  end
end

--- The name to look up for a value given to help: itself for a string; of a function or module of pg, its name.
function help.name(value)
  if value == nil or type(value) == "string" then return value end
  for key, module in pairs(pg) do
    if module == value and type(value) == "table" then return key end
  end
  return type(value) == "function" and find_function(value) or (debug.getmetatable(value) or {}).__name or type(value)
end

return setmetatable(help, {
  __name = "perigee.help",
  __call = function(_, name)
    local text, why = help.text(help.name(name))
    if not text then error(why, 2) end
    print(text)
  end,
})
