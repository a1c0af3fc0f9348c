-- Networks in f32: a gradient and a step of SGD on one thread, against PyTorch on one thread. What examples and Hessian-vector products cost
-- in gradients stands in ad_bench.lua.
local pg = require "perigee"
local nn, ad = pg.nn, pg.ad

-- A function that takes n steps on one batch of this shape.
local function training(net, dims)
  local theta, x, y = net:init(pg.rng(1)), pg.rng(3):normal(dims):cast "f32", pg.rng(2):integers({ dims[1] }, 10)
  local grad = ad.grad(function(w) return nn.cross_entropy(net(w, x), y):mean() end)
  local opt = pg.optim.sgd { lr = 1e-3 }
  return function(n) for _ = 1, n do opt:step(theta, grad(theta)) end end
end

-- The same in PyTorch; `net` in terms of C = torch.nn.
local function in_torch(bench, net, dims)
  local setup = "F = torch.nn.functional; C = torch.nn; %s; x = torch.randn(%s); y = torch.randint(0, 10, (%d,)); o = torch.optim.SGD(net.parameters(), lr=1e-3)"
  return bench.torch(setup:format(net, table.concat(dims, ", "), dims[1]), "o.zero_grad(); F.cross_entropy(net(x), y).backward(); o.step()")
end

local function mlp(bench)
  local dims = { 128, 784 }
  local step = training(nn.mlp { 784, 128, 128, 10 }, dims)
  bench.case { name = "MLP 784-128-128-10, batch 128, a step", bar = { ratio = 0.85 }, ours = step,
    yard = in_torch(bench, "net = C.Sequential(C.Linear(784, 128), C.ReLU(), C.Linear(128, 128), C.ReLU(), C.Linear(128, 10))", dims) }
  -- Its eight products have 128 (2 x 784 x 128 + 3 x 128 x 128 + 3 x 128 x 10) = 32.5e6 multiplications, a square one of 320 32.8e6.
  local a = pg.rng(4):normal({ 320, 320 }):cast "f32"
  bench.case { name = "the same, over its products at sgemm's speed", bar = { ratio = 1.2 }, ours = step, yardstick = "sgemm",
    yard = function(n) for _ = 1, n do a:mm(a) end end }
  bench.case { name = "the same, two threads over one", bar = { ratio = 0.6 }, threads = 2, ours = step, yardstick = "one", yard = step }
end

-- Wide layers, where the products are nearly everything: the step against its eleven products by sgemm, each in its own shape. Ten at a
-- time, so that a round is a stretch of training.
local function wide(bench)
  local sizes, batch, layers = { 784, 2048, 2048, 2048, 10 }, 100, {}
  local function random(m, n) return pg.rng(5):normal({ m, n }):cast "f32" end
  for k = 1, 4 do layers[k] = { x = random(batch, sizes[k]), w = random(sizes[k], sizes[k + 1]), g = random(batch, sizes[k + 1]) } end
  local step = training(nn.mlp { 784, 2048, 2048, 2048, 10, bias = false }, { batch, 784 })
  bench.case { name = "FCN 784-2048-2048-2048-10, batch 100, a step over its products", bar = { ratio = 1.25 }, yardstick = "sgemm", per = 10,
    ours = function(n) step(10 * n) end,
    yard = function(n)
      for _ = 1, 10 * n do
        for k, layer in ipairs(layers) do
          local _, _, _ = layer.x:mm(layer.w), layer.x:transpose(1, 2):mm(layer.g), k > 1 and layer.g:mm(layer.w:transpose(1, 2))
        end
      end
    end }
end

local function cnn(bench)
  local dims = { 32, 3, 32, 32 }
  local net = nn.sequential { nn.conv2d_layer(3, 16), "relu", nn.max_pool(2), nn.conv2d_layer(16, 16), "relu", nn.max_pool(2), nn.flatten(), nn.dense(1024, 10) }
  bench.case { name = "CNN of two 3x3 layers, 32x32x3, batch 32", bar = { ratio = 0.6 }, ours = training(net, dims),
    yard = in_torch(bench, "net = C.Sequential(C.Conv2d(3, 16, 3, padding=1), C.ReLU(), C.MaxPool2d(2), C.Conv2d(16, 16, 3, padding=1), C.ReLU(), C.MaxPool2d(2), " ..
      "C.Flatten(), C.Linear(1024, 10))", dims) }
end

-- nn.resnet18 in PyTorch: blocks as modules whose shortcut is a convolution or nothing.
local torch_resnet = [[
conv = lambda a, b, k, s: C.Conv2d(a, b, k, s, k // 2, bias=False); norm = lambda c: C.GroupNorm(c // 32, c)
  class Block(C.Module):
    def __init__(self, a, b, s):
      super().__init__()
      self.body = C.Sequential(conv(a, b, 3, s), norm(b), C.ReLU(), conv(b, b, 3, 1), norm(b))
      self.short = C.Sequential(conv(a, b, 1, s), norm(b)) if s > 1 or a != b else C.Identity()
    def forward(self, x): return F.relu(self.body(x) + self.short(x))
  stages = [Block(a, b, s) for a, b, s in ((64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1))]
  net = C.Sequential(conv(3, 64, 3, 1), norm(64), C.ReLU(), *stages, C.AdaptiveAvgPool2d(1), C.Flatten(), C.Linear(512, 10))]]

-- A step takes seconds, so PyTorch's process runs once, not once a round.
local function resnet(bench)
  local dims, name = { 32, 3, 32, 32 }, "ResNet18 of width 64, batch 32, a step"
  local yard = in_torch(bench, torch_resnet, dims)
  if yard.missing then return bench.case { name = name, bar = { ratio = 1.2 }, ours = function() end, yard = yard } end
  bench.case { name = name, unit = "of torch's time", bar = { value = 1.2 }, measure = function()
    local step, least = training(nn.resnet18(), dims), math.huge
    local theirs = yard.time()
    for _ = 1, 6 do                                       -- memory is all there after three or four steps
      local start = pg.system.clock()
      step(1)
      least = math.min(least, pg.system.clock() - start)
    end
    return least * 1e9 / theirs
  end }
end

return function(bench)
  mlp(bench)
  wide(bench)
  cnn(bench)
  resnet(bench)
end
