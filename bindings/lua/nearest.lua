-- nearest.lua: the name that a mistyped one was probably meant to be.
--
-- Distance: insertions, deletions, substitutions and swaps of neighbours (optimal string alignment), case and the
-- difference of - and _ ignored. Initials count as a match: "learning_rate" is near "lr".

local function fold(s) return (s:lower():gsub("-", "_")) end

local function initials(s)
  local letters = {}
  for word in s:gmatch("[^_]+") do letters[#letters + 1] = word:sub(1, 1) end
  return table.concat(letters)
end

local function distance(a, b)
  local before, last = nil, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local change = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + change)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

--- The entry of `names` (a list of strings) closest to `name`, or nil if none is close: more than a third of it differs.
-- Of equally close names the first in alphabetical order.
local function nearest(name, names)
  local sorted = table.move(names, 1, #names, 1, {})
  table.sort(sorted)
  local wanted, best, least = fold(name), nil, math.huge
  for _, candidate in ipairs(sorted) do
    local other = fold(candidate)
    local d = distance(wanted, other)
    if #other > 1 and (initials(wanted) == other or initials(other) == wanted) then d = math.min(d, 1) end
    if d < least and d <= math.max(1, math.max(#wanted, #other) // 3) and d < #other then best, least = candidate, d end
  end
  return best
end

return nearest
