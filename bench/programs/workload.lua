-- Tables, strings and closures; returns a number that depends on all of them.
local check = 0

local function sieve(limit)
  local composite, primes = {}, {}
  for n = 2, limit do
    if not composite[n] then
      primes[#primes + 1] = n
      for multiple = n * n, limit, n do composite[multiple] = true end
    end
  end
  return primes
end

local function word_counts(rounds)
  local words = {"enclave", "kernel", "page", "table", "link", "proxy", "thread", "frame"}
  local counts = {}
  for i = 1, rounds do
    local word = words[i % #words + 1] .. i % 997
    counts[word] = (counts[word] or 0) + 1
  end
  local lines = {}
  for word, count in pairs(counts) do lines[#lines + 1] = ("%s=%d"):format(word, count) end
  table.sort(lines)
  return table.concat(lines, ";")
end

local function counter(step)
  local value = 0
  return function() value = value + step; return value end
end

local function closures(rounds)
  local total = 0
  for i = 1, rounds do
    local next_value = counter(i % 7)
    for _ = 1, 10 do total = total + next_value() end
  end
  return total
end

local function grow_tree(depth)
  if depth == 0 then return {} end
  return {left = grow_tree(depth - 1), right = grow_tree(depth - 1)}
end
local function count_nodes(tree)
  if not tree.left then return 1 end
  return 1 + count_nodes(tree.left) + count_nodes(tree.right)
end

for _ = 1, 4 do
  check = check + #sieve(500000)
  local text = word_counts(300000)
  check = check + #text + select(2, text:gsub("enclave%d+=", ""))
  check = check + closures(100000)
  check = check + count_nodes(grow_tree(16))
end
return check
