-- experiment/report.lua: `out`, what an experiment's report writes to: tables on the standard output, figures in the
-- folder of the results.
--
-- out:table(rows, { "H", "rate" }) and out:print are here; everything else (out:line, out:figure ...) is pg.plot's.
local pg = require "perigee"
local params = require "perigee.experiment.params"

local Report = {}
Report.__name = "perigee.report"

--- A report whose figures go to `dir` in these formats ({ "svg" }).
local function report(dir, formats)
  return setmetatable({ dir = dir, figures = pg.plot.output(dir, formats) }, Report)
end

function Report.__index(self, name)
  if Report[name] ~= nil then return Report[name] end
  local figures = rawget(self, "figures")
  local method = figures[name]
  if type(method) ~= "function" then return method end
  return function(_, ...) return method(figures, ...) end
end

--- A line on the standard output.
function Report:print(format, ...) print(select("#", ...) > 0 and format:format(...) or format) end

local function cell(rows, params_of, name)
  if params_of[name] ~= nil then return params.show(params_of[name]) end
  local column = rows:column(name)
  if not pg.is_tensor(column) then return tostring(column[1]) end
  local n = #column
  local mean = column:cast("f64"):mean()
  if n == 1 then return params.show(column[1]) end
  local err = column:cast("f64"):std() / math.sqrt(n)
  if err == 0 then return ("%.6g"):format(mean) end
  return ("%.6g +- %.1g"):format(mean, err)
end

--- One line for each point of the sweep: its parameters, and of what run returned the mean over replicas with its standard
-- error. Without names: the swept parameters and every column.
function Report:table(rows, names)
  if not names then
    names = table.move(rows.swept, 1, #rows.swept, 1, {})
    for _, name in ipairs(rows:names()) do names[#names + 1] = name end
  end
  local lines = { names }
  for p, part in rows:each() do
    local line = {}
    for i, name in ipairs(names) do line[i] = cell(part, p, name) end
    lines[#lines + 1] = line
  end
  self:columns(lines)
end

--- Prints lists of texts as aligned columns, numbers to the right.
function Report:columns(lines)
  local widths = {}
  for _, line in ipairs(lines) do
    for i, text in ipairs(line) do widths[i] = math.max(widths[i] or 0, utf8.len(text) or #text) end
  end
  for _, line in ipairs(lines) do
    local cells = {}
    for i, text in ipairs(line) do
      local pad = (" "):rep(widths[i] - (utf8.len(text) or #text))
      cells[i] = (i == 1 and not tonumber(text)) and text .. pad or pad .. text
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

return report
