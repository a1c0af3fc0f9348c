-- sha256.lua: SHA-256 of a string as 64 hex digits (FIPS 180-4). For script files: about 2 MB/s.

local function fraction_bits(x) return math.floor((x % 1) * 2^32) end

local function primes(n)
  local list, candidate = {}, 2
  while #list < n do
    local prime = true
    for _, p in ipairs(list) do
      if candidate % p == 0 then prime = false break end
    end
    if prime then list[#list + 1] = candidate end
    candidate = candidate + 1
  end
  return list
end

-- The constants are the first 32 bits of the fractions of square and cube roots of primes. A double holds 53 bits and
-- the roots stay below 8, so 32 of the fraction are exact once the cube root is polished by one Newton step.
local K, H0 = {}, {}
for i, p in ipairs(primes(64)) do
  local r = p^(1 / 3)
  r = r - (r * r * r - p) / (3 * r * r)
  K[i] = fraction_bits(r)
  if i <= 8 then H0[i] = fraction_bits(math.sqrt(p)) end
end

local function rotate(x, n) return (x >> n | x << (32 - n)) & 0xffffffff end

local function block(state, w)
  for i = 17, 64 do
    local a, b = w[i - 15], w[i - 2]
    local s0 = rotate(a, 7) ~ rotate(a, 18) ~ (a >> 3)
    local s1 = rotate(b, 17) ~ rotate(b, 19) ~ (b >> 10)
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) & 0xffffffff
  end
  local a, b, c, d, e, f, g, h = table.unpack(state)
  for i = 1, 64 do
    local t1 = h + (rotate(e, 6) ~ rotate(e, 11) ~ rotate(e, 25)) + ((e & f) ~ (~e & g)) + K[i] + w[i]
    local t2 = (rotate(a, 2) ~ rotate(a, 13) ~ rotate(a, 22)) + ((a & b) ~ (a & c) ~ (b & c))
    a, b, c, d, e, f, g, h = (t1 + t2) & 0xffffffff, a, b, c, (d + t1) & 0xffffffff, e, f, g
  end
  for i, v in ipairs { a, b, c, d, e, f, g, h } do state[i] = (state[i] + v) & 0xffffffff end
end

--- SHA-256 of the bytes of `text`, in lower-case hexadecimal.
local function sha256(text)
  local padded = text .. "\x80" .. ("\0"):rep((55 - #text) % 64) .. (">I8"):pack(#text * 8)
  local state = { table.unpack(H0) }
  for at = 1, #padded, 64 do block(state, { (">" .. ("I4"):rep(16)):unpack(padded, at) }) end
  return ("%08x"):rep(8):format(table.unpack(state))
end

return sha256
