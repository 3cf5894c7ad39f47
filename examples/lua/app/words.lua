-- How often each word of a text occurs.
local counts, words = {}, {}
for line in io.lines(arg[1]) do
  for word in line:lower():gmatch("%a+") do
    if not counts[word] then
      words[#words + 1] = word
    end
    counts[word] = (counts[word] or 0) + 1
  end
end
table.sort(words, function(a, b)
  return counts[a] > counts[b] or (counts[a] == counts[b] and a < b)
end)
for i = 1, math.min(3, #words) do
  print(counts[words[i]], words[i])
end
