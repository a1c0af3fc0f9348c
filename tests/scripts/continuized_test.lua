-- The experiments of continuized/ as a user runs them: bytes that depend on the seed alone, claims, messages and exit statuses.
local pg = require "perigee"

local perigee = arg[-1]
local work = os.tmpname()
os.remove(work)
pg.system.mkdir(work)

-- Runs the command; returns its exit status and everything it wrote.
local function run(words, environment)
  local pipe = io.popen(("%s '%s' %s 2>&1"):format(environment or "", perigee, words))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return status, text
end

local function experiment(name, words, out, environment)
  return run(("run continuized/%s %s --out '%s/%s'"):format(name, words, work, out), environment)
end

local function bytes(path)
  local file = assert(io.open(("%s/%s"):format(work, path), "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

local small = "--seeds 200 --iters 60"

test("claims hold at quick scale, and the figure is there", function(t)
  for _, name in ipairs { "deterministic", "clocks", "leastsq", "gossip", "decentralised", "race" } do
    local status, text = experiment(name, "--quick --check", "quick")
    t.equal(status, 0, "%s", text)
    t.ok(text:find "claims hold", "%s says so", name)
  end
  local has_gnuplot = os.execute "command -v gnuplot >/dev/null 2>&1"
  if not has_gnuplot then t.skip "figures: gnuplot is not installed" end
  t.ok(bytes "quick/continuized/deterministic/convergence.svg":find "</svg>", "a whole figure")
end)

test("rows do not depend on jobs, threads or the run", function(t)
  t.equal(experiment("deterministic", small .. " --jobs 1", "a"), 0)
  t.equal(experiment("deterministic", small .. " --jobs 2", "b"), 0)
  t.equal(experiment("deterministic", small .. " --jobs 1", "c", "PERIGEE_THREADS=2"), 0)
  t.equal(experiment("deterministic", small .. " --jobs 1", "d", "PERIGEE_THREADS=1"), 0)
  for _, file in ipairs { "rows.csv", "gap.csv", "gap.continuized.npy" } do
    local first = bytes("a/continuized/deterministic/" .. file)
    t.ok(#first > 1000, "%s has content", file)
    for _, other in ipairs { "b", "c", "d" } do
      t.ok(bytes(other .. "/continuized/deterministic/" .. file) == first, "%s of run %s", file, other)
    end
  end
end)

test("rows of the random experiments do not depend on jobs and threads either", function(t)
  for name, words in pairs { leastsq = "--iters 60 --seeds 600", gossip = "--time 300 --seeds 600", decentralised = "--time 100 --seeds 6", race = "--quick --seeds 30" } do
    t.equal(experiment(name, words .. " --jobs 1", "a", "PERIGEE_THREADS=1"), 0)
    t.equal(experiment(name, words .. " --jobs 2", "b", "PERIGEE_THREADS=2"), 0)
    for _, file in ipairs { "rows.csv", "gap.csv", "gap.continuized.npy" } do
      local first = bytes(("a/continuized/%s/%s"):format(name, file))
      t.ok(#first > 200, "%s: %s has content", name, file)
      t.ok(bytes(("b/continuized/%s/%s"):format(name, file)) == first, "%s: %s", name, file)
    end
  end
end)

test("the event loops in C and in the script have the same energies", function(t)
  for engine in pairs { c = true, lua = true } do
    t.equal(experiment("gossip", "--time 400 --seeds 3 --n 12 --side 4 --engine " .. engine, engine), 0)
  end
  for _, method in ipairs { "simple", "continuized", "heavy_ball" } do
    local file = ("/continuized/gossip/gap.%s.npy"):format(method)
    local fast, plain = pg.load(work .. "/c" .. file), pg.load(work .. "/lua" .. file)
    t.ok(plain:size() > 1000 and pg.abs(fast / plain - 1):max() < 1e-9, "%s: %g", method, pg.abs(fast / plain - 1):max())
  end
end)

test("the first hundred of two hundred seeds are the hundred", function(t)
  t.equal(experiment("deterministic", "--iters 60 --seeds 100 --problem strong", "hundred"), 0)
  t.equal(experiment("deterministic", "--iters 60 --seeds 200 --problem strong", "two_hundred"), 0)
  local few, many = lines(bytes "hundred/continuized/deterministic/rows.csv"), lines(bytes "two_hundred/continuized/deterministic/rows.csv")
  t.equal(#few, 101)
  t.equal(#many, 201)
  for i = 1, 101 do t.equal(many[i], few[i]) end
end)

test("another seed gives other rows", function(t)
  t.equal(experiment("deterministic", small .. " --seed 2", "seed2"), 0)
  t.ok(bytes "seed2/continuized/deterministic/rows.csv" ~= bytes "a/continuized/deterministic/rows.csv", "they differ")
end)

test("the report can be made again from what is stored", function(t)
  local status, text = experiment("deterministic", "--report --check", "a")
  t.equal(status, 0, "%s", text)
  t.ok(text:find "claims hold", "the claims are checked on the stored rows")
end)

test("simulated means agree with the exact ones at twenty thousand replicas", function(t)
  local status, text = experiment("deterministic", "--problem strong --seeds 20000 --iters 200 --check", "many")
  t.equal(status, 0, "%s", text)
  for _, k in ipairs { 10, 50, 100, 200 } do t.ok(text:find(("holds  strong, simulated mean at k = %d "):format(k)), "%s", text) end
end)

test("a run that needs more memory than there is ends with status 4", function(t)
  local script = work .. "/greedy.lua"
  local file = assert(io.open(script, "w"))
  file:write [[
    local pg = require "perigee"
    pg.system.memory_limit(200000000)
    return pg.experiment { name = "toys/greedy", params = { of = "tensor" }, choices = { of = { "tensor", "lua" } }, seeds = 2, run = function(p)
      local all = {}
      while true do all[#all + 1] = p.of == "lua" and ("x"):rep(1000000) .. #all or pg.ones { 100000 } end
    end }]]
  file:close()
  for _, words in ipairs { "--of lua --jobs 1", "--of lua --jobs 2", "--of tensor --jobs 1", "--of tensor --jobs 2" } do
    local status, text = run(("run '%s' %s --out '%s/greedy'"):format(script, words, work))
    t.equal(status, 4, "%s: %s", words, text)
    t.equal(#lines(text), 1, "%s", text)
    t.ok(text:find "^toys/greedy: job 1, replica %d: ", "%s", text)
  end
end)

test("additive noise settles at its exact level", function(t)
  -- A6: 2000 replicas, averaged over iterations 1000 to 2000, which hold about ten independent stretches: 0.7 % standard error
  local status, text = experiment("deterministic", "--problem strong --mu 0.01 --noise 0.01 --iters 2000 --seeds 2000", "noise")
  t.equal(status, 0, "%s", text)
  local gap = pg.load(work .. "/noise/continuized/deterministic/gap.continuized.npy")
  t.near(gap[{ { 1001, 2000 } }]:mean(), 0.01032635, 0.01 * 0.01032635)
end)

test("bad input is one message and the status of usage", function(t)
  local status, text = experiment("deterministic", "--mu -1", "bad")
  t.equal(status, 2)
  t.equal(text, "continuized/deterministic: --mu must lie in (0, L = 1], got -1\n")
  status, text = experiment("deterministic", "--lamda 3", "bad")
  t.equal(status, 2)
  t.ok(text:find "unknown option %-%-lamda", "%s", text)
  status, text = experiment("deterministic", "--iters many", "bad")
  t.equal(status, 2)
  t.ok(text:find "iters", "%s", text)
  status, text = experiment("deterministic", "--problem concave", "bad")
  t.equal(status, 2)
  t.ok(text:find "strong", "%s", text)
  t.ok(not io.open(work .. "/bad/continuized/deterministic/rows.csv"), "nothing was written")
  status, text = run "-e 'local pg = require \"perigee\"; pg.zeros{3,4}:mm(pg.zeros{5,2})'"
  t.equal(status, 1)
  t.ok(text:find "tensor.mm: inner dimensions differ: %(3, 4%) x %(5, 2%)\n", "%s", text)
end)

test("a folder that cannot be written is refused before anything is computed", function(t)
  local status, text = run(("run continuized/deterministic --seeds 200000 --out /proc/%s"):format "nowhere")
  t.equal(status, 4, "%s", text)
  t.equal(#lines(text), 1, "%s", text)
end)

test("the work folder is removed", function(t)
  t.ok(os.execute(("rm -r '%s'"):format(work)))
end)
