-- process/check.lua: arguments that the processes written in Lua share. `who` opens the messages; errors blame the caller's caller.
local pg = require "perigee"

local check = {}

function check.positive(who, name, x)
  if type(x) ~= "number" then error(("%s: %s must be a number, got %s"):format(who, name, type(x)), 3) end
  if not (x > 0 and x < math.huge) then error(("%s: %s must be positive and finite, got %.14g"):format(who, name, x), 3) end
  return x
end

function check.steps(who, n)
  if math.type(n) ~= "integer" or n < 1 then error(("%s: steps must be an integer >= 1, got %s"):format(who, tostring(n)), 3) end
end

--- How many paths lie side by side in what rng draws: { R } for a block of R streams, {} for a stream.
function check.rows(who, rng)
  local ok, n = pcall(function() return #rng end)
  if type(rng) ~= "userdata" then error(("%s: a stream or a block of streams is needed, got %s"):format(who, type(rng)), 3) end
  return ok and { n } or {}
end

--- The gaps before the points 2..n: from opt.times, increasing, or opt.dt.
function check.gaps(who, n, opt)
  local gaps = {}
  if opt.times == nil then
    for k = 1, n - 1 do gaps[k] = opt.dt end
    return gaps
  end
  local times = pg.is_tensor(opt.times) and opt.times:tolist() or opt.times
  if type(times) ~= "table" or #times ~= n then
    error(("%s: %d points need as many times, got %s"):format(who, n, type(times) == "table" and #times or type(times)), 3)
  end
  for k = 2, n do
    gaps[k - 1] = times[k] - times[k - 1]
    if not (gaps[k - 1] > 0 and gaps[k - 1] < math.huge) then
      error(("%s: times must increase, but number %d is %.14g after %.14g"):format(who, k, times[k], times[k - 1]), 3)
    end
  end
  return gaps
end

--- (n, R, ...) of what draw({ ..., n }) gives, (R, ..., n): path after path, so that none depends on how many others a stream draws. `inner`
-- axes of a step stay together at the end.
function check.steps_first(n, shape, draw, inner)
  inner = inner or 0
  local own = table.move(shape, 1, #shape - inner, 1, {})
  own[#own + 1] = n
  table.move(shape, #shape - inner + 1, #shape, #own + 1, own)
  local t = draw(own)
  local step, axes = t:ndim() - inner, {}
  axes[1] = step
  for i = 1, t:ndim() do if i ~= step then axes[#axes + 1] = i end end
  return t:permute(axes):contiguous()
end

function check.shape(t) return "(" .. table.concat(t:dims(), ", ") .. ")" end

return check
