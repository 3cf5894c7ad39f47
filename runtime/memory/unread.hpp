// What of the program's file mappings has not been read yet: such pages are mapped without
// access, and read when they are first touched. Pure bookkeeping; sorted, no overlaps.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/files/open_file.hpp"
#include "runtime/memory/areas.hpp"

namespace enclavisor::runtime {

class Unread {
public:
    struct Part {
        Range range;
        Ref<OpenFile> file;
        std::uint64_t offset;  // in the file, of the range's beginning
    };

    // Precondition: nothing of the range is there.
    void add(Part part) {
        parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(first_after(part.range.begin)),
                      std::move(part));
    }

    void remove(Range range) {
        if (parts_.empty()) return;
        split(range.begin);
        split(range.end);
        const auto begin = parts_.begin() + static_cast<std::ptrdiff_t>(first_after(range.begin));
        const auto end =
            std::find_if(begin, parts_.end(), [&](const Part& p) { return p.range.begin >= range.end; });
        parts_.erase(begin, end);
    }

    bool empty() const { return parts_.empty(); }

    // The first part that reaches into the range; null: all of it is read.
    const Part* find(Range range) const {
        const std::size_t i = first_after(range.begin);
        return i < parts_.size() && parts_[i].range.begin < range.end ? &parts_[i] : nullptr;
    }

    // Calls with each piece of `range` that is read, in order, until one gives false.
    template <typename Function>
    bool for_each_read(Range range, Function function) const {
        while (range.begin < range.end) {
            const Part* part = find(range);
            const Range read{range.begin, part == nullptr ? range.end : part->range.begin};
            if (read.begin < read.end && !function(read)) return false;
            range.begin = part == nullptr ? range.end : std::max(part->range.end, range.begin);
        }
        return true;
    }

private:
    std::size_t first_after(std::uint64_t address) const {  // the first that ends beyond it
        const auto found = std::partition_point(parts_.begin(), parts_.end(),
                                                [&](const Part& p) { return p.range.end <= address; });
        return static_cast<std::size_t>(found - parts_.begin());
    }

    void split(std::uint64_t address) {
        const std::size_t i = first_after(address);
        if (i == parts_.size() || parts_[i].range.begin >= address) return;
        Part upper = parts_[i];
        upper.offset += address - upper.range.begin;
        upper.range.begin = address;
        parts_[i].range.end = address;
        parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(upper));
    }

    std::vector<Part> parts_;
};

}  // namespace enclavisor::runtime
