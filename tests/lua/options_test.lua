-- Option tables of functions and the command lines of experiments: defaults, kinds, ranges, and what a mistake is told.
local pg = require "perigee"
local args = require "perigee.experiment.args"
local nearest = require "perigee.nearest"
local params = require "perigee.experiment.params"

local function sgd(opt)
  opt = pg.options("optim.sgd", opt, { lr = 0.1, nesterov = false, steps = pg.required, decay = pg.optional })
  return opt
end

test("options: what is given wins, the rest are defaults, the given table stays", function(t)
  local given = { lr = 0.5, steps = 3 }
  local opt = sgd(given)
  t.equal(opt, { lr = 0.5, nesterov = false, steps = 3 })
  opt.lr = 1
  t.equal(given, { lr = 0.5, steps = 3 })
  t.equal(sgd { steps = "any", decay = { 1 } }, { lr = 0.1, nesterov = false, steps = "any", decay = { 1 } })
  t.equal(sgd { steps = 1, nesterov = true }.nesterov, true)
end)

test("options: each mistake has its message, at the line that made it", function(t)
  t.fails(function() sgd { learning_rate = 1, steps = 1 } end,
    "options_test.lua:%d+: optim.sgd: unknown option 'learning_rate' %(did you mean 'lr'%?%)")
  t.fails(function() sgd { zzzzzz = 1, steps = 1 } end, "unknown option 'zzzzzz' %(options: decay, lr, nesterov, steps%)")
  t.fails(function() sgd { lr = "fast", steps = 1 } end, 'optim.sgd: lr must be a number, got "fast"')
  t.fails(function() sgd { nesterov = 1, steps = 1 } end, "nesterov must be true or false, got 1")
  t.fails(function() sgd {} end, "optim.sgd: option 'steps' is required")
  t.fails(function() sgd() end, "option 'steps' is required")
  t.fails(function() sgd(3) end, "optim.sgd: options must be a table, got 3")
  t.fails(function() sgd { 7, steps = 1 } end, "options are named, got an unnamed 7")
end)

test("nearest: a slip of the keyboard is understood, another word is not", function(t)
  t.equal(nearest("lamda", { "lambda", "mu" }), "lambda")
  t.equal(nearest("itres", { "iters", "noise" }), "iters")
  t.equal(nearest("batch-size", { "batch_size", "size" }), "batch_size")
  t.equal(nearest("SEED", { "speed", "seed" }), "seed")
  t.equal(nearest("learning_rate", { "rate_of", "lr" }), "lr")
  t.equal(nearest("momentum", { "mu", "L", "iters" }), nil)
  t.equal(nearest("x", { "L", "y" }), nil)
  t.equal(nearest("a", {}), nil)
end)

local function refuse(format, ...) error(format:format(...), 0) end
local function parse(kind, text) return params.parse(kind, text, refuse) end

test("values: lists, arithmetic and geometric ranges with their ends", function(t)
  t.equal(parse("number", "0.1,0.3"), { 0.1, 0.3 })
  t.equal(parse("integer", "1e6"), { 1000000 })
  t.equal(math.type(parse("integer", "1e6")[1]), "integer")
  t.equal(math.type(parse("number", "3")[1]), "float")
  t.equal(parse("integer", "100:1000:300"), { 100, 400, 700, 1000 })
  t.equal(parse("integer", "1:3,10"), { 1, 2, 3, 10 })
  t.equal(parse("integer", "64:4096:*4"), { 64, 256, 1024, 4096 })
  t.equal(parse("integer", "5:1:-2"), { 5, 3, 1 })
  local tenths = parse("number", "0:1:0.1")                 -- 0.1 is no binary fraction: the end must not be lost
  t.equal(#tenths, 11)
  t.near(tenths[11], 1, 1e-15)
  t.near(parse("number", "1:0.01:*0.1"), { 1, 0.1, 0.01 }, 1e-15)
  t.equal(parse("string", [[a,b\,c]]), { "a", "b,c" })
  t.equal(parse("boolean", "true,false"), { true, false })
end)

test("values: what cannot be read is quoted", function(t)
  for _, case in ipairs { { "integer", "2.5", 'must be an integer, got "2.5"' }, { "number", "fast", 'must be a number, got "fast"' },
    { "number", "", 'must be a number, got ""' }, { "integer", "5:1", 'the range "5:1", which never reaches its end' },
    { "number", "1:2:0", "never reaches its end" }, { "number", "1:8:*1", "never reaches its end" }, { "integer", "1:1e9", "more than 100000 values" },
    { "number", "1:2:3:4", "a range is from:to" }, { "integer", "1:x", "not a range of integers" }, { "boolean", "maybe", "must be true or false" } } do
    t.fails(function() parse(case[1], case[2]) end, case[3])
  end
end)

test("ranges: ends in or out, bounds by name, never NaN or infinite", function(t)
  local ranges = { mu = { above = 0, to = "L" }, H = { above = 0, below = 1 }, n = { from = 1 }, q = { below = 1 }, list = { above = 0 } }
  local choices = { kind = { "strong", "convex" } }
  local function check(changes)
    local all = { mu = 0.1, L = 1.0, H = 0.5, n = 1, q = 0.5, list = { 1, 2 }, kind = "strong" }
    for name, v in pairs(changes) do all[name] = v end
    params.check(all, ranges, choices, function(name, format, ...) error(name .. " " .. format:format(...), 0) end)
  end
  for _, fine in ipairs { {}, { mu = 1.0 }, { n = 1 }, { q = -5.0 }, { kind = "convex" } } do check(fine) end
  for _, case in ipairs { { { mu = -1.0 }, "mu must lie in %(0, L = 1%], got %-1" }, { { mu = 0.0 }, "mu must lie in" }, { { mu = 1.5 }, "L = 1" },
    { { H = 1.0 }, "H must lie in %(0, 1%), got 1" }, { { n = 0 }, "n must be at least 1, got 0" }, { { q = 1.0 }, "q must be below 1, got 1" },
    { { mu = 0 / 0 }, "mu must lie in .* got %-?nan" }, { { L = math.huge, mu = 0.1 }, "L must be finite, got inf" },
    { { list = { 1, -2 } }, "list must be above 0, got %-2" }, { { kind = "strng" }, 'must be one of strong, convex, got "strng" %(did you mean strong%?%)' } } do
    t.fails(function() check(case[1]) end, case[2])
  end
end)

local spec = { name = "toys/walk", params = { eta = 0.1, steps = 10, rates = { 1.0, 2.0 }, exact = true, batch_size = 3, kind = "x" },
               help = { eta = "step size [m/s]" }, choices = { kind = { "x", "y" } }, claim = "It walks." }

test("command line: every parameter is an option of its name", function(t)
  local s = args.parse(spec, { "--eta", "0.1,0.3", "--steps=1e2", "--rates", "1:3", "--no-exact", "--batch-size", "4", "--quick", "--seed", "0x10",
    "--jobs", "2", "--out", "here", "--format", "png,pdf", "--check" })
  t.equal(s.given, { eta = { 0.1, 0.3 }, steps = { 100 }, rates = { { 1.0, 2.0, 3.0 } }, exact = { false }, batch_size = { 4 } })
  t.equal({ s.scale, s.seed, s.jobs, s.out, s.check, s.report }, { "quick", 16, 2, "here", true })
  t.equal(s.format, { "png", "pdf" })
  local bare = args.parse(spec, {})
  t.equal({ bare.scale, bare.given, bare.format }, { "default", {}, { "svg" } })
  t.equal(args.parse(spec, { "--exact=true,false" }).given.exact, { true, false })
  t.equal(args.parse(spec, { "--eta", "-1" }).given.eta, { -1.0 })         -- a value may begin with a dash; ranges come later
end)

test("command line: mistakes are usage failures that name the experiment", function(t)
  for _, case in ipairs { { { "--steps", "2.5" }, 'toys/walk: %-%-steps must be an integer, got "2.5"' }, { { "--stesp", "3" }, "unknown option %-%-stesp %(did you mean %-%-steps%?%)" },
    { { "--wxyz", "3" }, "unknown option %-%-wxyz %(options: .*%-%-batch%-size.*%-%-seeds" }, { { "--eta" }, "%-%-eta needs a value" }, { { "--eta", "--quick" }, "%-%-eta needs a value" },
    { { "fast" }, 'unexpected argument "fast"; options start with %-%-' }, { { "--quick", "--full" }, "exclude each other" }, { { "--seeds", "0" }, "%-%-seeds must be at least 1, got 0" },
    { { "--quick=1" }, "%-%-quick takes no value" }, { { "--no-exact=1" }, "takes no value" }, { { "--seed", "1,2" }, "takes one value" }, { { "--format", "gif" }, "must be of svg, png, pdf" } } do
    local ok, failure = pcall(args.parse, spec, case[1])
    t.ok(not ok and failure.status == 2, "%s is usage", case[1][1])
    t.fails(function() error(tostring(failure), 0) end, case[2])
  end
end)

test("command line: --help has name, default, unit, meaning and choices of each", function(t)
  local text = args.help(spec)
  for _, pattern in ipairs { "^toys/walk\nIt walks%.", "%-%-eta +0%.1 m/s +step size\n", "%-%-rates +1,2\n", "%-%-kind +x +%(x, y%)", "%-%-batch%-size +3\n", "%-%-seeds N" } do
    t.ok(text:find(pattern), "%s in\n%s", pattern, text)
  end
end)
