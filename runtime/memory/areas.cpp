#include "runtime/memory/areas.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace enclavisor::runtime {

const Area* Areas::find(std::uint64_t address) const {
    const std::size_t i = first_after(areas_, address);
    return i < areas_.size() && areas_[i].range.contains(address) ? &areas_[i] : nullptr;
}

bool Areas::overlaps(Range range) const {
    const std::size_t i = first_after(areas_, range.begin);
    return i < areas_.size() && areas_[i].range.begin < range.end;
}

bool Areas::covers(Range range) const {
    std::uint64_t reached = range.begin;
    for (std::size_t i = first_after(areas_, range.begin); i < areas_.size() && reached < range.end; i++) {
        if (areas_[i].range.begin > reached) return false;
        reached = areas_[i].range.end;
    }
    return reached >= range.end;
}

void Areas::split(std::uint64_t address) {
    split_at(areas_, address, [](Area& area, std::uint64_t size) {
        if (area.file != 0) area.offset += size;
    });
}

// Joins equal neighbours among the areas from `from` to `to`.
void Areas::merge(std::size_t from, std::size_t to) {
    if (from > 0) from--;
    to = std::min(to + 1, areas_.size());
    for (std::size_t i = to; i-- > from + 1;) {
        Area& left = areas_[i - 1];
        const Area& right = areas_[i];
        if (left.range.end != right.range.begin || left.kind != right.kind ||
            left.protection != right.protection || left.wiped_in_copies != right.wiped_in_copies ||
            left.not_in_children != right.not_in_children || left.written != right.written ||
            left.name != right.name || left.file != right.file ||
            (left.file != 0 && left.offset + left.range.size() != right.offset)) {
            continue;
        }
        left.range.end = right.range.end;
        areas_.erase(areas_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void Areas::insert(const Area& area) {
    remove(area.range);
    const std::size_t i = insert_sorted(areas_, area);
    merge(i, i + 1);
}

void Areas::remove(Range range) {
    split(range.begin);
    split(range.end);
    erase_within(areas_, range);
}

template <typename Change>
void Areas::change(Range range, Change change) {
    split(range.begin);
    split(range.end);
    const std::size_t first = first_after(areas_, range.begin);
    std::size_t i = first;
    for (; i < areas_.size() && areas_[i].range.begin < range.end; i++) change(areas_[i]);
    merge(first, i);
}

void Areas::protect(Range range, int protection) {
    change(range, [&](Area& area) {
        area.protection = protection;
        if (area.file != 0 && (protection & PROT_WRITE)) area.written = true;
    });
}

void Areas::set_wiped(Range range, bool wiped) {
    change(range, [&](Area& area) { area.wiped_in_copies = wiped; });
}

void Areas::set_left_out(Range range, bool left_out) {
    change(range, [&](Area& area) { area.not_in_children = left_out; });
}

std::optional<Range> Areas::find_gap(std::uint64_t size, std::uint64_t bottom, std::uint64_t top) const {
    std::uint64_t end = top;
    for (std::size_t i = areas_.size(); i-- > 0;) {
        const Range range = areas_[i].range;
        if (range.begin >= end) continue;
        if (range.end < end && end - range.end >= size && end - size >= bottom) break;
        if (range.begin < bottom + size) return std::nullopt;
        end = range.begin;
    }
    if (end < size || end - size < bottom) return std::nullopt;
    return Range{end - size, end};
}

}  // namespace enclavisor::runtime
