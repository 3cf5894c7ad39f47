// Ranges of addresses, and sorted vectors of things that have one, without overlaps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace enclavisor::runtime {

struct Range {
    std::uint64_t begin = 0, end = 0;

    std::uint64_t size() const { return end - begin; }
    bool overlaps(Range other) const { return begin < other.end && other.begin < end; }
    bool contains(std::uint64_t address) const { return address >= begin && address < end; }
};

// The index of the first item that ends beyond `address`.
template <typename Item>
std::size_t first_after(const std::vector<Item>& items, std::uint64_t address) {
    const auto found = std::partition_point(items.begin(), items.end(),
                                            [&](const Item& item) { return item.range.end <= address; });
    return static_cast<std::size_t>(found - items.begin());
}

// Where it stands then. Precondition: nothing of its range is there.
template <typename Item, typename Given>
std::size_t insert_sorted(std::vector<Item>& items, Given&& item) {
    const std::size_t i = first_after(items, item.range.begin);
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(i), std::forward<Given>(item));
    return i;
}

// Afterwards no item has `address` in its middle. `skip(item, size)` makes an item begin
// so much later in what it shows.
template <typename Item, typename Skip>
void split_at(std::vector<Item>& items, std::uint64_t address, Skip skip) {
    const std::size_t i = first_after(items, address);
    if (i == items.size() || items[i].range.begin >= address) return;
    Item upper = items[i];
    skip(upper, address - upper.range.begin);
    upper.range.begin = address;
    items[i].range.end = address;
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(upper));
}

// Items lie in the range or outside, none on its border.
template <typename Item>
void erase_within(std::vector<Item>& items, Range range) {
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(first_after(items, range.begin));
    const auto end =
        std::find_if(begin, items.end(), [&](const Item& item) { return item.range.begin >= range.end; });
    items.erase(begin, end);
}

}  // namespace enclavisor::runtime
