-- plot/canvas.lua: a grid of character cells that dots, letters and blocks can be put on.
--
-- A cell of Unicode braille holds 2 x 4 dots, so a canvas of w x h characters is 2w x 4h dots. What a cell shows, in
-- order of precedence: a character put there, its dots, its background (a shade).

local Canvas = {}
Canvas.__index = Canvas

-- Bit of the dot at column 0..1, row 0..3 (from the top) of a braille cell.
local bit = { [0] = { [0] = 0x01, 0x02, 0x04, 0x40 }, { [0] = 0x08, 0x10, 0x20, 0x80 } }

--- An empty canvas of width x height characters.
function Canvas.new(width, height)
  return setmetatable({ width = width, height = height, dots = {}, chars = {}, shades = {}, inks = {} }, Canvas)
end

local function index(self, column, row)
  if column < 0 or column >= self.width or row < 0 or row >= self.height then return nil end
  return row * self.width + column
end

--- Sets the dot nearest to (u, v) in the unit square, v upwards. Points outside are ignored.
function Canvas:dot(u, v, ink)
  local x, y = math.floor(u * (2 * self.width - 1) + 0.5), math.floor((1 - v) * (4 * self.height - 1) + 0.5)
  local k = index(self, x // 2, y // 4)
  if not k then return end
  self.dots[k] = (self.dots[k] or 0) | bit[x % 2][y % 4]
  self.inks[k] = ink or self.inks[k]
end

-- Liang-Barsky: the part of a segment inside the unit square as parameters t1 <= t2, or nil.
local function clip(u1, v1, u2, v2)
  local t1, t2 = 0.0, 1.0
  local du, dv = u2 - u1, v2 - v1
  for _, edge in ipairs { { -du, u1 }, { du, 1 - u1 }, { -dv, v1 }, { dv, 1 - v1 } } do
    local p, q = edge[1], edge[2]
    if p == 0 then
      if q < 0 then return nil end
    elseif p < 0 then
      t1 = math.max(t1, q / p)
    else
      t2 = math.min(t2, q / p)
    end
  end
  if t1 > t2 then return nil end
  return t1, t2
end

--- Draws a straight segment between two points of the unit square, clipped to it; every `dash`-th dots are left out.
function Canvas:segment(u1, v1, u2, v2, ink, dash)
  local t1, t2 = clip(u1, v1, u2, v2)
  if not t1 then return end
  local length = (t2 - t1) * math.max(math.abs(u2 - u1) * 2 * self.width, math.abs(v2 - v1) * 4 * self.height)
  local n = math.max(1, math.ceil(length))
  for i = 0, n do
    local t = t1 + (t2 - t1) * i / n
    if not dash or i % (2 * dash) < dash then self:dot(u1 + (u2 - u1) * t, v1 + (v2 - v1) * t, ink) end
  end
end

--- Column and row (from the top) of the cell that holds a point of the unit square.
function Canvas:cell(u, v)
  return math.floor(u * (2 * self.width - 1) + 0.5) // 2, math.floor((1 - v) * (4 * self.height - 1) + 0.5) // 4
end

--- Puts a character on a cell. Cells outside are ignored.
function Canvas:put(column, row, char, ink)
  local k = index(self, column, row)
  if k then self.chars[k], self.inks[k] = char, ink or self.inks[k] end
end

--- The character put on a cell, if any.
function Canvas:at(column, row)
  local k = index(self, column, row)
  return k and self.chars[k]
end

--- Gives a cell a background, seen where nothing else is drawn.
function Canvas:shade(column, row, char, ink)
  local k = index(self, column, row)
  if k then self.shades[k], self.inks[k] = char, self.inks[k] or ink end
end

local function colored(text, ink)
  return ("\27[38;2;%d;%d;%dm%s\27[0m"):format(ink >> 16, ink >> 8 & 255, ink & 255, text)
end

--- One line of the canvas as text, row 0 on top; with `color`, in the inks of its cells.
function Canvas:line(row, color)
  local cells = {}
  for column = 0, self.width - 1 do
    local k = row * self.width + column
    local text = self.chars[k] or self.dots[k] and utf8.char(0x2800 + self.dots[k]) or self.shades[k] or " "
    if color and self.inks[k] and text ~= " " then text = colored(text, self.inks[k]) end
    cells[column + 1] = text
  end
  return table.concat(cells)
end

Canvas.colored = colored
return Canvas
