// The list of the program's mapped areas: a sorted vector without overlaps.
// Pure bookkeeping; the kernel is called elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/memory/range.hpp"

namespace enclavisor::runtime {

enum class AreaKind : std::uint8_t {
    kAnonymous,
    kFile,         // private copy of file contents
    kSharedFile,   // read-only view of a file; can never become writable
    kShared,       // the pages of a file of the enclave's own, as all who map them see them
    kImage,        // of the program's ELF file
    kInterpreter,  // of the file that its PT_INTERP names
    kHeap,         // brk
    kStack,
    kVdso,
};

struct Area {
    Range range;
    int protection;  // PROT_*
    AreaKind kind;
    bool wiped_in_copies = false;  // MADV_WIPEONFORK
    bool not_in_children = false;  // MADV_DONTFORK
    // Of a file mapping:
    bool written = false;      // is or was writable: its pages may differ from the file's
    std::uint32_t name = 0;    // Memory::name()
    std::uint64_t file = 0;    // OpenFile::id()
    std::uint64_t offset = 0;  // in the file, of the range's beginning
};

class Areas {
public:
    const std::vector<Area>& all() const { return areas_; }

    const Area* find(std::uint64_t address) const;
    bool overlaps(Range range) const;
    // Whether every page of `range` is mapped.
    bool covers(Range range) const;

    // Replaces whatever lies in the area's range.
    void insert(const Area& area);
    void remove(Range range);
    void protect(Range range, int protection);
    void set_wiped(Range range, bool wiped);
    void set_left_out(Range range, bool left_out);

    // The highest free range of `size` bytes that ends at or below `top`.
    std::optional<Range> find_gap(std::uint64_t size, std::uint64_t bottom, std::uint64_t top) const;

    // Calls with each area's part inside `range`, in order.
    template <typename Function>
    void for_each(Range range, Function function) const {
        for (std::size_t i = first_after(areas_, range.begin);
             i < areas_.size() && areas_[i].range.begin < range.end; i++) {
            const Area& area = areas_[i];
            const Range part{area.range.begin > range.begin ? area.range.begin : range.begin,
                             area.range.end < range.end ? area.range.end : range.end};
            function(area, part);
        }
    }

private:
    template <typename Change>
    void change(Range range, Change change);
    void split(std::uint64_t address);
    void merge(std::size_t from, std::size_t to);

    std::vector<Area> areas_;
};

}  // namespace enclavisor::runtime
