-- The time from the command line to the first line of a script and back.
return function(bench)
  local command = bench.executable .. " -e ''"
  local function start(n)
    for _ = 1, n do assert(os.execute(command)) end
  end
  bench.case { name = "start-up of perigee -e ''", ours = start, bar = { ns = 20e6 } }
end
