local pg = require "perigee"
local data = pg.data

test("batches without replacement visit every index once an epoch", function(t)
  local seen, sizes = {}, {}
  for idx, k in data.batches(10, 4, pg.rng(1), { epochs = 2 }) do
    sizes[k] = #idx
    for _, i in ipairs(idx:tolist()) do seen[i] = (seen[i] or 0) + 1 end
  end
  t.equal(sizes, { 4, 4, 2, 4, 4, 2 })
  for i = 1, 10 do t.equal(seen[i], 2) end
  local n = 0
  for idx in data.batches(10, 4, pg.rng(1), { epochs = 3, drop = true }) do n = n + #idx end
  t.equal(n, 24)
  for _ in data.batches(0, 4, pg.rng(1)) do t.ok(false, "no batch of nothing") end
end)

test("batches with replacement are independent of what is drawn between", function(t)
  local rng = pg.rng(2)
  local first = {}
  for idx, k in data.batches(5, 3, rng, { replace = true, steps = 4 }) do first[k] = idx:tolist() end
  for idx, k in data.batches(5, 3, rng, { replace = true, steps = 4 }) do
    rng:normal { 7 }
    t.equal(idx:tolist(), first[k])
    t.ok(idx:min() >= 1 and idx:max() <= 5, "in range")
  end
  t.equal(#first, 4)
  t.fails(function() data.batches(5, 3, rng, { replace = true }) end, "give the number of steps")
  t.fails(function() data.batches(5, 0, rng) end, "the size must be an integer >= 1, got 0")
end)

test("a split keeps every row once, with its label", function(t)
  local set = { x = pg.arange(20):cast "f64":reshape { 10, 2 }, y = pg.arange(10) }
  local a, b = data.split(set, 0.3, pg.rng(3))
  t.equal(a.x:dim(1), 3)
  t.equal(b.x:dim(1), 7)
  t.equal(pg.concatenate({ a.y, b.y }):sort():tolist(), set.y:tolist())
  for _, part in ipairs { a, b } do t.equal(part.x[{ {}, 1 }]:tolist(), (2 * part.y:cast "f64"):tolist()) end
end)

test("standardised coordinates have mean 0 and deviation 1", function(t)
  local set = { x = pg.rng(4):normal({ 500, 3 }, 5, 2):add_(pg.tensor { 0, 10, 20 }), y = pg.zeros { 500 } }
  local s = data.standardise(set)
  t.near(s.x:mean(1), { 0, 0, 0 }, 1e-12)
  t.near(s.x:std { axes = { 1 }, ddof = 0 }, { 1, 1, 1 }, 1e-12)
  t.equal(data.standardise({ x = pg.full({ 3, 1 }, 7), y = pg.zeros { 3 } }).x:tolist(), { { 0.0 }, { 0.0 }, { 0.0 } })
end)

test("stand-ins have the shapes, ranges and classes they promise, and depend on the seed", function(t)
  local mixture = data.gaussian_mixture(4000, pg.rng(5), { classes = 2, d = 3, spread = 10 })
  for class = 1, 2 do
    local points = mixture.x[mixture.y:eq(class)]
    t.near(points:var(1), { 1, 1, 1 }, 5 * math.sqrt(2 / 1900))
  end
  local moons = data.two_moons(1000, pg.rng(6), { noise = 0 })
  local upper = moons.x[moons.y:eq(1)]
  t.near((upper * upper):sum(2), pg.ones { #upper }, 1e-12)
  local images = data.images(50, pg.rng(7))
  t.equal(images.x:dims(), { 50, 3, 32, 32 })
  t.ok(images.x:min() >= 0 and images.x:max() <= 255 and images.x:std() > 20, "grey values")
  local digits = data.digits(600, pg.rng(8))
  t.equal(digits.x:dims(), { 600, 28, 28 })
  t.equal(digits.x:dtype(), "f32")
  t.equal(data.digits(600, pg.rng(8)).x:sum(), digits.x:sum())
  t.ok(data.digits(600, pg.rng(9)).x:sum() ~= digits.x:sum(), "another seed, other digits")
  for class = 1, 10 do
    local n = digits.y:eq(class):count()
    t.ok(n > 30 and n < 95, "class %d has %d", class, n)
  end
end)

test("digits of a class are nearer to their own mean than to the others", function(t)
  local train, test_ = data.digits(3000, pg.rng(10)), data.digits(1000, pg.rng(11))
  local means = {}
  for class = 1, 10 do means[class] = train.x[train.y:eq(class)]:mean(1):reshape { 784 } end
  means = pg.stack(means)
  local x = test_.x:reshape { 1000, 784 }
  local score = x:mm(means:t()) - (means * means):sum(2) / 2
  local right = score:argmax(2):eq(test_.y):cast("f64"):mean()
  t.ok(right > 0.7 and right < 0.97, "nearest mean is right for %g: neither hopeless nor all there is", right)
end)

test("folders without the files say which are missing", function(t)
  t.fails(function() data.mnist "/nonexistent" end, "'/nonexistent' has no file train%-images%-idx3%-ubyte")
  t.fails(function() data.cifar10 "/nonexistent" end, "'/nonexistent' has no file data_batch_1.bin")
end)

test("stand-ins written as CIFAR-10 files are read back", function(t)
  local files = require "files"
  local dir = files.free_path()
  local train, test = data.images(23, pg.rng(1)), data.images(4, pg.rng(2))
  data.save_cifar10(dir, train, test)
  local a, b = data.cifar10(dir)
  t.equal(a.y, train.y)
  t.equal(b.y, test.y)
  t.near(a.x, train.x, 0.5)
  t.near(b.x, test.x, 0.5)
  files.remove(dir)
end)

test("public data sets, where PERIGEE_DATA names their folder", function(t)
  local folder = os.getenv "PERIGEE_DATA"
  if not folder then t.skip "public data sets: PERIGEE_DATA is not set" end
  local train, test_ = data.mnist(folder .. "/mnist")
  t.equal(train.x:dims(), { 60000, 28, 28 })
  t.near(train.x:mean(), 0.1306604763, 1e-7)
  t.near(test_.x:mean(), 0.1325146058, 1e-7)
  t.equal(train.y[{ { 1, 10 } }]:tolist(), { 6, 1, 5, 2, 10, 3, 2, 4, 2, 5 })
end)
