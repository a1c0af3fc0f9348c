-- Tensors from Lua: the cost of a small operation, elementary functions and reductions on 10^6 numbers, memory of temporaries.
local pg = require "perigee"

local function small(bench)
  local a, b = pg.tensor { 1.0, 2.0, 3.0 }, pg.tensor { 0.5, 0.25, 0.125 }
  local function fresh(n) for _ = 1, n do local _ = a + b end end
  local function in_place(n) for _ = 1, n do a:add_(b) end end
  local setup = "a = np.array([1.0, 2.0, 3.0]); b = np.array([0.5, 0.25, 0.125])"
  local torch_setup = "a = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64); b = torch.tensor([0.5, 0.25, 0.125], dtype=torch.float64)"
  bench.case { name = "a + b, 3 doubles", ours = fresh, yard = bench.numpy(setup, "a + b"), bar = { ns = 150 } }
  bench.case { name = "a + b, 3 doubles, PyTorch", ours = fresh, yard = bench.torch(torch_setup, "a + b") }
  bench.case { name = "a:add_(b), 3 doubles", ours = in_place, yard = bench.numpy(setup, "np.add(a, b, out=a)"), bar = { ns = 80 } }
  bench.case { name = "a:add_(b), 3 doubles, PyTorch", ours = in_place, yard = bench.torch(torch_setup, "a.add_(b)") }
  local live = {}
  for i = 1, 75000 do live[i] = { i } end
  bench.case { name = ("a + b, 3 doubles, %d live tables"):format(#live), ours = fresh, bar = { ns = 250 } }
end

local million = 10^6
local numbers = "x = np.sin(np.arange(10**6) * 0.7) * 3; y = np.empty_like(x)"

local function elementary(bench)
  local x = pg.sin(pg.arange(million) * 0.7) * 3
  local positive = x:abs() + 1e-3
  local function each(name, operand, setup, statement, bar)
    local method = operand[name]
    bench.case { name = name .. ", 10^6 doubles", per = million, bar = bar, yard = bench.numpy(setup, statement),
      ours = function(n) for _ = 1, n do method(operand) end end }
  end
  each("exp", x, numbers, "np.exp(x, out=y)", { ratio = 1.0 })
  each("tanh", x, numbers, "np.tanh(x, out=y)", { ratio = 1.0 })
  each("log", positive, numbers .. "; x = np.abs(x) + 1e-3", "np.log(x, out=y)", { ratio = 1.1 })
end

local function reductions(bench)
  local x = pg.sin(pg.arange(million) * 0.7) * 3
  bench.case { name = "mean and var, 10^6 doubles", per = million, bar = { ratio = 0.25 }, yard = bench.numpy(numbers, "x.mean(); x.var()"),
    ours = function(n) for _ = 1, n do x:mean() x:var() end end }
  bench.case { name = "sum, 10^6 doubles", per = million, yard = bench.numpy(numbers, "x.sum()"),
    ours = function(n) for _ = 1, n do x:sum() end end }
end

-- In a process of its own: the peak is since the start.
local temporaries = [[
  local pg = require "perigee"
  local live, x = pg.zeros { 2 * 2^20 }, pg.ones { 10000 }
  for _ = 1, 20000 do local _ = x + x end
  local _, peak = pg.memory()
  print(peak / 2^20, live:size())
]]

local function memory(bench)
  bench.case { name = "20 000 temporaries of 80 KB, 16 MB live", unit = "MB peak", bar = { value = 2 * 16 + 40 }, measure = function()
    local pipe <close> = assert(io.popen(("%s -e '%s'"):format(bench.executable, temporaries), "r"))
    return pipe:read "n"
  end }
end

return function(bench)
  small(bench)
  elementary(bench)
  reductions(bench)
  memory(bench)
end
