-- F13, F17 and CIFAR records: data sets in their public forms, whole and broken.
local pg = require "perigee"
local files = require "files"

local path = os.tmpname()

local function write(bytes) return files.write(path, bytes) end

local function idx(code, dims, bytes)
  local head = string.char(0, 0, code, #dims)
  for _, d in ipairs(dims) do head = head .. string.pack(">I4", d) end
  return head .. bytes
end

test("IDX: every element type, big-endian", function(t)
  t.equal(pg.io.load_idx(write(idx(0x08, { 2, 2 }, "\1\2\3\255"))):tolist(), { { 1, 2 }, { 3, 255 } })
  t.equal(pg.io.load_idx(write(idx(0x09, { 2 }, "\1\255"))):tolist(), { 1, -1 })
  t.equal(pg.io.load_idx(write(idx(0x0b, { 2 }, string.pack(">i2i2", 300, -300)))):tolist(), { 300, -300 })
  t.equal(pg.io.load_idx(write(idx(0x0c, { 2 }, string.pack(">i4i4", 70000, -70000)))):tolist(), { 70000, -70000 })
  local f = pg.io.load_idx(write(idx(0x0d, { 2 }, string.pack(">ff", 0.5, -1e10))))
  t.equal(f:dtype(), "f32")
  t.equal(f:tolist(), { 0.5, -1e10 })
  t.equal(pg.io.load_idx(write(idx(0x0e, { 1 }, string.pack(">d", 0.1)))):tolist(), { 0.1 })
  t.equal(pg.io.load_idx(write(idx(0x08, { 3 }, "\0\7\255")), "f32"):tolist(), { 0.0, 7.0, 255.0 })
  t.equal(pg.io.load_idx(write(idx(0x08, { 0, 5 }, ""))):dims(), { 0, 5 })
end)

test("IDX: what is broken is refused", function(t)
  local function refused(bytes, pattern) t.fails(function() pg.io.load_idx(write(bytes)) end, pattern) end
  refused(idx(0x0a, { 1 }, "\1"), "unknown element type 0x0A")
  refused(string.char(0, 0, 8, 255) .. ("\0"):rep(1020), "255 dimensions; at most 6")
  refused(idx(0x08, { 0xffffffff, 0xffffffff, 0xffffffff }, ""), "multiply to more than any memory")
  refused(idx(0x08, { 100000, 100000 }, "\1"), "more than the file can hold")
  refused(idx(0x08, { 3 }, "\1\2"), "more than the file can hold")
  refused(idx(0x08, { 2 }, "\1\2\3"), "bytes behind the 2 elements")
  refused(string.char(0, 0, 8, 2, 0, 0), "the header ends within dimension 1")
  refused("\1\2", "two zero bytes")
  refused("", "two zero bytes")
end)

test("CIFAR: records of label and three planes", function(t)
  local record = string.char(7) .. ("\1"):rep(1024) .. ("\2"):rep(1024) .. ("\3"):rep(1024)
  local images, labels = pg.io.load_cifar(write(record .. record))
  t.equal(images:dims(), { 2, 3, 32, 32 })
  t.equal(images:mean { axes = { 1, 3, 4 } }:tolist(), { 1.0, 2.0, 3.0 })
  t.equal(labels:tolist(), { 7, 7 })
  t.fails(function() pg.io.load_cifar(write(record .. record:sub(1, 100))) end, "record 2 ends after 100 of 3073 bytes")
  t.fails(function() pg.io.load_cifar(write(record .. "\10" .. record:sub(2))) end, "record 2 has label 10")
  t.fails(function() pg.io.load_cifar(write "") end, "empty")
end)

test("F13: gzip is known by its first bytes, not by the name", function(t)
  local record = string.char(3) .. ("\9"):rep(3072)
  for plain, check in pairs {
    [idx(0x08, { 2 }, "\5\6")] = function() t.equal(pg.io.load_idx(path):tolist(), { 5, 6 }) end,
    [record] = function() t.equal(select(2, pg.io.load_cifar(path)):tolist(), { 3 }) end,
    ["1 2:0.5\n"] = function() t.equal(pg.io.load_libsvm(path):tolist(), { { 0.0, 0.5 } }) end } do
    files.write(path .. ".plain", plain)
    if not os.execute(("gzip -c '%s.plain' > '%s' 2>/dev/null"):format(path, path)) then t.skip "gzip is not installed" end
    t.equal(files.read(path):sub(1, 2), "\x1f\x8b")
    check()
    files.write(path, files.read(path):sub(1, -9))
    t.fails(check, "compressed data end early")
  end
  os.remove(path .. ".plain")
end)

test("CIFAR: what is written comes back, rounded to bytes; what is out of range leaves the file alone", function(t)
  local x = pg.rng(1):uniform({ 3, 3, 32, 32 }, 0, 255)
  pg.io.save_cifar(path, x:transpose(3, 4), pg.tensor({ 9, 0, 4 }, "i64"))
  local images, labels = pg.io.load_cifar(path)
  t.equal(labels:tolist(), { 9, 0, 4 })
  t.ok((images - x:transpose(3, 4)):abs():max() <= 0.5 + 1e-5 and images:max() > 250)
  t.fails(function() pg.io.save_cifar(path, x + 1, pg.tensor({ 9, 0, 4 }, "i64")) end, "image 1 holds 25[56]")
  t.fails(function() pg.io.save_cifar(path, x * (0 / 0), pg.tensor({ 9, 0, 4 }, "i64")) end, "image 1 holds .?nan")
  t.fails(function() pg.io.save_cifar(path, x, pg.tensor({ 9, 10, 4 }, "i64")) end, "label 2 is 10; labels are 0 to 9")
  t.fails(function() pg.io.save_cifar(path, x, pg.tensor({ 9, 1 }, "i64")) end, "images %(n, 3, 32, 32%) and labels %(n%) are needed, got %(3, 3, 32, 32%) and %(2%)")
  t.fails(function() pg.io.save_cifar(path, x, pg.tensor { 9.0, 1, 2 }) end, "i64 labels are needed, got f64 and f64")
  t.equal(select(2, pg.io.load_cifar(path)):tolist(), { 9, 0, 4 })
end)

test("libsvm: labels and increasing indices", function(t)
  local x, y = pg.io.load_libsvm(write "1 1:0.5 3:-2 # a comment\n\n-1 2:1e-3\r\n+1\n")
  t.equal(x:tolist(), { { 0.5, 0.0, -2.0 }, { 0.0, 1e-3, 0.0 }, { 0.0, 0.0, 0.0 } })
  t.equal(y:tolist(), { 1.0, -1.0, 1.0 })
  t.equal(pg.io.load_libsvm(path, { columns = 5 }):dims(), { 3, 5 })
  t.equal(pg.io.load_libsvm(write "3 2:1"):dims(), { 1, 2 })
  t.fails(function() pg.io.load_libsvm(write "1 2:1", { columns = 1 }) end, "only 1 columns")
end)

test("libsvm: what is broken is refused with its line", function(t)
  local function refused(text, pattern) t.fails(function() pg.io.load_libsvm(write(text)) end, pattern) end
  refused("1 1:1\n1 0:1\n", "line 2: the index must lie in 1..16777216, got '0'")
  refused("1 9223372036854775808:1\n", "line 1: the index must lie in")
  refused("1 3:1 2:1\n", "line 1: indices must increase, got '2'")
  refused("1 3:1 3:1\n", "line 1: indices must increase")
  refused("1:1 2:2\n", "line 1: the label must be a finite number, got '1:1'")
  refused("nan 1:1\n", "the label must be a finite number")
  refused("1 1:nan\n", "the value must be a finite number, got 'nan'")
  refused("1 1:1e99999\n", "the value must be a finite number")
  refused("1 1,5:2\n", "the index is no number")
  refused("1 5\n", "expected index:value, got '5'")
  refused(("1"):rep(70000), "longer than 65536 bytes")
end)

test("the file is removed", function(t) t.ok(os.remove(path)) end)
