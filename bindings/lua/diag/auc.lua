-- diag/auc.lua: the area under the receiver operating characteristic.
local pg = require "perigee"

--- The probability that a positive example has the larger score, ties counting one half: exact, by one sort. scores (n), labels (n), 1 or true
-- for positives, anything else for negatives. NaN if a class is empty or a score is NaN. In integers up to 2^53 pairs.
local function auc(scores, labels)
  for i, v in ipairs { scores, labels } do
    if not pg.is_tensor(v) or v:ndim() ~= 1 then error(("diag.auc: %s must be a vector, got %s"):format(i == 1 and "the scores" or "the labels", pg.is_tensor(v) and v:ndim() .. " axes" or type(v)), 2) end
  end
  if #scores ~= #labels then error(("diag.auc: %d scores and %d labels"):format(#scores, #labels), 2) end
  if #scores == 0 or scores:cast("f64"):isnan():any() then return 0 / 0 end
  local positive = labels:dtype() == "bool" and labels or labels:eq(1)
  local up, down = scores:masked_select(positive), scores:masked_select(~positive):sort()
  if #up == 0 or #down == 0 then return 0 / 0 end
  local below, at_most = down:searchsorted(up), down:searchsorted(up, { right = true })         -- first place not below, and above: from 1
  return ((below - 1):sum() + (at_most - 1):sum()) / 2 / (#up * #down)
end

return auc
