-- experiment/claims.lua: comparisons of results with what the paper says, one line a claim, FAILS or holds.
local pg = require "perigee"

local Claims = {}
Claims.__index = Claims
Claims.__name = "perigee.experiment.claims"

--- An empty list of claims: claim:near("E f(x_10)", mean, 1.59e-3, { se = s, why = "A3" }) and so on, then claim:print().
local function claims() return setmetatable({ lines = {}, failed = 0 }, Claims) end

local function show(v)
  if type(v) ~= "number" then return tostring(v) end
  if math.type(v) == "integer" then return ("%d"):format(v) end
  return (("%.9g"):format(v):gsub(",", "."))
end

local function number(who, name, v)
  if pg.is_tensor(v) then v = v:item() end
  if type(v) ~= "number" then error(("claim:%s: '%s' needs a number, got a %s"):format(who, name, type(v)), 3) end
  return v
end

local function note(self, holds, name, value, target, tolerance, why)
  if not holds then self.failed = self.failed + 1 end
  self.lines[#self.lines + 1] = { holds and "holds" or "FAILS", name, value, target, tolerance or "", why or "" }
  return holds
end

--- value = target up to the largest of abs, rel * |target| and `times` standard errors se (default 4).
-- With none of them, to 1e-12 of the target.
function Claims:near(name, value, target, opt)
  opt = pg.options("claim:near", opt, { abs = pg.optional, rel = pg.optional, se = pg.optional, times = 4, why = "" })
  value, target = number("near", name, value), number("near", name, target)
  if not (opt.abs or opt.rel or opt.se) then opt.rel = 1e-12 end
  local allowed, how = -1, ""
  local function widen(width, text)
    if width > allowed then allowed, how = width, text end
  end
  if opt.abs then widen(opt.abs, "") end
  if opt.rel then widen(opt.rel * math.abs(target), ("  (rel %g)"):format(opt.rel)) end
  if opt.se then widen(opt.times * number("near", name, opt.se), ("  (%g s.e.)"):format(opt.times)) end
  return note(self, math.abs(value - target) <= allowed, name, show(value), "= " .. show(target),
    ("+- %.2g%s"):format(allowed, how), opt.why)
end

--- value <= limit + slack.
function Claims:below(name, value, limit, opt)
  opt = pg.options("claim:below", opt, { slack = 0.0, why = "" })
  value, limit = number("below", name, value), number("below", name, limit)
  return note(self, value <= limit + opt.slack, name, show(value), "<= " .. show(limit),
    opt.slack ~= 0 and ("+ %.2g"):format(opt.slack), opt.why)
end

--- value >= limit - slack.
function Claims:above(name, value, limit, opt)
  opt = pg.options("claim:above", opt, { slack = 0.0, why = "" })
  value, limit = number("above", name, value), number("above", name, limit)
  return note(self, value >= limit - opt.slack, name, show(value), ">= " .. show(limit),
    opt.slack ~= 0 and ("- %.2g"):format(opt.slack), opt.why)
end

--- value == target, exactly: numbers, texts, booleans.
function Claims:equal(name, value, target, opt)
  opt = pg.options("claim:equal", opt, { why = "" })
  return note(self, value == target, name, show(value), "= " .. show(target), "exact", opt.why)
end

--- The condition is true.
function Claims:holds(name, condition, opt)
  opt = pg.options("claim:holds", opt, { why = "" })
  return note(self, condition == true, name, tostring(condition), "= true", "", opt.why)
end

-- Bytes are not columns: the continuation bytes of UTF-8 take no room.
local function width(text) return utf8.len(text) or #text end

local function aligned(lines)
  local widths = {}
  for _, line in ipairs(lines) do
    for i, cell in ipairs(line) do widths[i] = math.max(widths[i] or 0, width(cell)) end
  end
  local texts = {}
  for n, line in ipairs(lines) do
    local cells = {}
    for i, cell in ipairs(line) do cells[i] = cell .. (" "):rep(widths[i] - width(cell)) end
    texts[n] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return texts
end

--- Writes the claims and the verdict to a file; returns whether all hold. No claim at all does not hold.
function Claims:print(file)
  for _, text in ipairs(aligned(self.lines)) do file:write(text, "\n") end
  local n, failed = #self.lines, self.failed
  if n == 0 then
    file:write("no claim was checked\n")
  elseif failed == 0 then
    file:write(("%d claims hold\n"):format(n))
  else
    file:write(("%d of %d claims FAIL\n"):format(failed, n))
  end
  return failed == 0 and n > 0
end

return claims
