-- Small operations from Lua, and what temporaries cost in memory.
local pg = require "perigee"

local function repeat_add(a, b)
  return function(n) for _ = 1, n do local _ = a + b end end
end

local function repeat_add_in_place(a, b)
  return function(n) for _ = 1, n do a:add_(b) end end
end

-- Most bytes in use during 20 000 temporaries of 80 KB while 16 MB are alive; in a process of its own, whose peak is only this.
local temporaries = [[
  local pg = require "perigee"
  local live = {}
  for i = 1, 16 do live[i] = pg.ones { 131072 } end
  local x = pg.ones { 10000 }
  for _ = 1, 20000 do local _ = x + x end
  print(select(2, pg.memory()) / 2^20)
]]

local function peak_of_temporaries(executable)
  local pipe <close> = assert(io.popen(("%s -e '%s'"):format(executable, temporaries)))
  return assert(pipe:read "n")
end

return function(bench)
  local a, b = pg.ones { 3 }, pg.ones { 3 }
  local numpy = bench.numpy("a = np.ones(3); b = np.ones(3)", "a + b")
  local numpy_in_place = bench.numpy("a = np.ones(3); b = np.ones(3)", "a += b")
  bench.case { name = "a + b, 3 doubles", ours = repeat_add(a, b), yard = numpy, bar = { ns = 150 } }
  bench.case { name = "a:add_(b), 3 doubles", ours = repeat_add_in_place(a, b), yard = numpy_in_place, bar = { ns = 80 } }
  bench.case { name = "a + b against PyTorch", ours = repeat_add(a, b), bar = { ratio = 1 },
               yard = bench.torch("a = torch.ones(3, dtype=torch.float64); b = a.clone()", "a + b") }
  local tables = {}
  for i = 1, 75000 do tables[i] = { i } end
  bench.case { name = "a + b, 75 000 live tables", ours = repeat_add(a, b), yard = numpy, bar = { ns = 250 } }
  for i in ipairs(tables) do tables[i] = nil end
  bench.case { name = "20 000 temporaries of 80 KB, 16 MB live", measure = function() return peak_of_temporaries(bench.executable) end, unit = "MB peak",
               bar = { value = 2 * 16 + 40 } }
end
