// Which parts of the program's address space stand for which parts of files. Pure
// bookkeeping; sorted, no overlaps.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/files/open_file.hpp"
#include "runtime/memory/range.hpp"

namespace enclavisor::runtime {

class FileParts {
public:
    struct Part {
        Range range;
        Ref<OpenFile> file;
        std::uint64_t offset;  // in the file, of the range's beginning
    };

    // Precondition: nothing of the range is there.
    void add(Part part) { insert_sorted(parts_, std::move(part)); }

    void remove(Range range) {
        if (parts_.empty()) return;
        split(range.begin);
        split(range.end);
        erase_within(parts_, range);
    }

    bool empty() const { return parts_.empty(); }

    // The first part that reaches into the range; null: none.
    const Part* find(Range range) const {
        const std::size_t i = first_after(parts_, range.begin);
        return i < parts_.size() && parts_[i].range.begin < range.end ? &parts_[i] : nullptr;
    }

    // The files of the range.
    std::vector<Part> within(Range range) const {
        std::vector<Part> found;
        for (Part part : parts_) {
            if (part.range.begin >= range.end || part.range.end <= range.begin) continue;
            const std::uint64_t begin = std::max(part.range.begin, range.begin);
            part.offset += begin - part.range.begin;
            part.range = {begin, std::min(part.range.end, range.end)};
            found.push_back(std::move(part));
        }
        return found;
    }

    // Calls with each piece of `range` that no part reaches into, in order, until one gives false.
    template <typename Function>
    bool for_each_gap(Range range, Function function) const {
        while (range.begin < range.end) {
            const Part* part = find(range);
            const Range gap{range.begin, part == nullptr ? range.end : part->range.begin};
            if (gap.begin < gap.end && !function(gap)) return false;
            range.begin = part == nullptr ? range.end : std::max(part->range.end, range.begin);
        }
        return true;
    }

private:
    void split(std::uint64_t address) {
        split_at(parts_, address, [](Part& part, std::uint64_t size) { part.offset += size; });
    }

    std::vector<Part> parts_;
};

}  // namespace enclavisor::runtime
