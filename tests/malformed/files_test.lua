-- files_test.lua: F20 of the catalogue of hostile files: what is no regular file is refused at once.
local pg = require "perigee"

local dir = os.tmpname()
os.remove(dir)
os.execute("mkdir " .. dir)

local readers = { pg.load, pg.io.load_npy, pg.io.load_npz, pg.io.read_csv }

local function refused(t, path, pattern)
  for _, read in ipairs(readers) do
    local start = os.clock()
    t.fails(function() read(path) end, pattern)
    t.ok(os.clock() - start < 0.25)
  end
end

test("F20: pipes, directories, devices, loops, paths with NUL, nothing", function(t)
  local fifo, loop = dir .. "/fifo", dir .. "/loop"
  os.execute("mkfifo " .. fifo .. "; ln -s loop " .. loop)
  refused(t, fifo, "it is a pipe, not a regular file")
  refused(t, dir, "it is a directory, not a regular file")
  refused(t, "/dev/zero", "it is a device, not a regular file")
  refused(t, loop, "Too many levels of symbolic links")
  refused(t, dir .. "/none", "No such file or directory")
  refused(t, dir .. "/x\0y", "a path must not contain a NUL byte")
  refused(t, "", "the path is empty")
  refused(t, ("x"):rep(100000), "File name too long")
  local x = pg.zeros { 2 }
  t.fails(function() pg.save(dir .. "/x\0y.npy", x) end, "NUL byte")
  t.fails(function() pg.save(dir .. "/none/x.npy", x) end, "cannot write '.*': No such file or directory")
  t.fails(function() pg.io.save_npy(fifo, x) end, "cannot write '.*': it is not a regular file")
  t.fails(function() pg.io.save_npy(loop, x) end, "Too many levels of symbolic links")
end)

test("F20: an unreadable file is refused", function(t)
  local path = dir .. "/secret.npy"
  pg.save(path, pg.zeros { 2 })
  os.execute("chmod 000 " .. path)
  local f = io.open(path)
  if f then
    f:close()
    t.skip "this user may read everything"
  end
  refused(t, path, "Permission denied")
end)

test("a full device is reported by every writer", function(t)
  local x = pg.zeros { 2 }
  for _, write in ipairs { pg.io.save_npy, pg.io.write_csv, function(path) pg.io.save_npz(path, { x = x }) end } do
    t.fails(function() write("/dev/full", x) end, "cannot write '/dev/full': No space left on device")
  end
  os.execute("rm -rf " .. dir)
end)
