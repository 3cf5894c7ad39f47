#include "runtime/memory/memory.hpp"

#include <errno.h>
#include <sys/mman.h>

#include <algorithm>

#include "abi/platform/layout.hpp"
#include "runtime/memory/permissions.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::size_t kMaxAreas = 65530;  // vm.max_map_count

// The program's addresses: all of the enclave's but what the runtime lives in.
constexpr Range kLow{abi::kEnclaveBegin, abi::kRuntimeBase};
constexpr Range kHigh{0x7f80'0000'0000, abi::kEnclaveEnd};

bool program_may_use(Range range) {
    return (range.begin >= kLow.begin && range.end <= kLow.end) ||
           (range.begin >= kHigh.begin && range.end <= kHigh.end);
}

std::uint64_t round_to_pages(std::uint64_t size) {
    return (size + abi::kPageSize - 1) & ~(abi::kPageSize - 1);
}

// [address, address + size) in whole pages; false: unaligned or not the program's.
bool parse(std::uint64_t address, std::uint64_t size, Range& range) {
    if (address % abi::kPageSize != 0 || size > abi::kEnclaveEnd) return false;
    range = {address, address + round_to_pages(size)};
    return range.end >= range.begin && range.size() > 0 && program_may_use(range);
}

// Pages without access, whatever was there.
bool hide(Range range) {
    return range_call(abi::Call::kMap, range.begin, range.size(), permissions_of(PROT_NONE));
}

constexpr int kAllProtection = PROT_READ | PROT_WRITE | PROT_EXEC;

}  // namespace

bool Memory::place(const Area& area) {
    unread_.remove(area.range);
    shared_.remove(area.range);
    if (!range_call(abi::Call::kMap, area.range.begin, area.range.size(), permissions_of(area.protection))) {
        return false;
    }
    areas_.insert(area);
    return true;
}

std::int64_t Memory::brk(std::uint64_t end) {
    const auto present = static_cast<std::int64_t>(brk_);
    if (end < brk_start_ || end - brk_start_ > limit_) return present;
    const std::uint64_t old_end = round_to_pages(brk_), new_end = round_to_pages(end);
    if (new_end > old_end) {
        const Range more{old_end, new_end};
        if (!program_may_use(more) || areas_.overlaps(more)) return present;
        if (!place({more, PROT_READ | PROT_WRITE, AreaKind::kHeap})) return present;
    } else if (new_end < old_end) {
        range_call(abi::Call::kUnmap, new_end, old_end - new_end);
        areas_.remove({new_end, old_end});
    }
    brk_ = end;
    return static_cast<std::int64_t>(end);
}

// Where a new mapping goes.
std::int64_t Memory::choose(std::uint64_t hint, std::uint64_t size, int flags, Range& range) {
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (hint % abi::kPageSize != 0) return -EINVAL;
        if (!parse(hint, size, range)) return hint < abi::kEnclaveBegin ? -EPERM : -ENOMEM;
        if ((flags & MAP_FIXED_NOREPLACE) && areas_.overlaps(range)) return -EEXIST;
        return 0;
    }
    hint &= ~(abi::kPageSize - 1);
    if (hint != 0 && parse(hint, size, range) && !areas_.overlaps(range)) return 0;
    if (flags & MAP_32BIT) {
        if (const auto gap = areas_.find_gap(size, abi::kEnclaveBegin, 0x8000'0000)) {
            range = *gap;
            return 0;
        }
        return -ENOMEM;
    }
    const auto gap = areas_.find_gap(size, abi::kEnclaveBegin, abi::kMmapTop);
    if (!gap) return -ENOMEM;
    range = *gap;
    return 0;
}

// Whether all of `range` shows just what it would after mapping the file there.
bool Memory::shows(Range range, OpenFile& file, std::uint64_t offset) const {
    if (!file.immutable() || !areas_.covers(range)) return false;
    bool same = true;
    areas_.for_each(range, [&](const Area& area, Range part) {
        same &= area.kind == AreaKind::kFile && area.file == file.id() && !area.written &&
                area.offset + (part.begin - area.range.begin) == offset + (part.begin - range.begin);
    });
    return same;
}

std::uint32_t Memory::note_name(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name) - names_.begin();
    if (static_cast<std::size_t>(found) == names_.size()) names_.push_back(name);
    return static_cast<std::uint32_t>(found);
}

// The pages of the range that are read, and their protection. False: no memory.
bool Memory::set_protection(Range range, int protection) {
    // Shared pages get theirs when they are shown.
    areas_.for_each(range, [](const Area& area, Range part) {
        if (area.kind == AreaKind::kShared) hide(part);
    });
    const auto set = [&](Range part) {
        return range_call(abi::Call::kProtect, part.begin, part.size(), permissions_of(protection));
    };
    return unread_.for_each_gap(range, [&](Range read) { return shared_.for_each_gap(read, set); });
}

// The file's own pages, which nobody has touched yet.
std::int64_t Memory::map_shared(Area area, Ref<OpenFile> file, std::uint64_t offset) {
    const auto replaced = shared_.within(area.range);  // their ends may release the lock
    unread_.remove(area.range);
    shared_.remove(area.range);
    if (!hide(area.range)) return -ENOMEM;
    areas_.insert(area);
    shared_.add({area.range, std::move(file), offset});
    return static_cast<std::int64_t>(area.range.begin);
}

std::int64_t Memory::map(std::uint64_t hint, std::uint64_t size, int protection, int flags, OpenFile* file,
                         std::uint64_t offset) {
    const int type = flags & MAP_TYPE;
    const bool shared = type != MAP_PRIVATE;
    if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE) return -EINVAL;
    if (size == 0 || (protection & ~(kAllProtection | PROT_GROWSDOWN | PROT_GROWSUP))) return -EINVAL;
    protection &= kAllProtection;
    if (offset % abi::kPageSize != 0) return -EINVAL;
    if (size > abi::kEnclaveEnd) return -ENOMEM;
    size = round_to_pages(size);
    // As Linux's heuristic overcommit: what can never be filled is refused.
    const bool reservation = (flags & MAP_NORESERVE) || protection == PROT_NONE;
    if (size > limit_ && !reservation) return -ENOMEM;
    if (areas_.all().size() >= kMaxAreas) return -ENOMEM;
    Ref<OpenFile> pages;
    if (file != nullptr) {
        if (!file->readable()) return -EACCES;
        if (shared && (protection & PROT_WRITE) && !file->writable()) return -EACCES;
        if (!file->can_map()) return -ENODEV;
        if (shared && !file->can_share()) pages = file->shared_pages();
        if (pages) file = pages.get();
        // Its pages cannot be the enclave's: writes would not reach the file.
        if (shared && !file->can_share() && (protection & PROT_WRITE)) return -ENODEV;
    }
    Range range;
    if (const std::int64_t error = choose(hint, size, flags, range); error != 0) return error;
    Area area{range, protection, AreaKind::kAnonymous};
    if (shared && (file == nullptr || file->can_share())) {
        pages = file != nullptr ? Ref<OpenFile>{file}
                                : system().names.unnamed_file(size, 0600, "/dev/zero (deleted)");
        area.kind = AreaKind::kShared;
        area.name = note_name(pages->name());
        area.file = pages->id();
        area.offset = offset;
        return map_shared(area, pages, offset);
    }
    if (file != nullptr) {
        area.kind = shared ? AreaKind::kSharedFile : AreaKind::kFile;
        area.written = (protection & PROT_WRITE) != 0;
        area.name = note_name(file->name());
        area.file = file->id();
        area.offset = offset;
        // ld.so maps a library whole, and then each part of it anew with its protection.
        if (!shared && !area.written && shows(range, *file, offset)) {
            if (!set_protection(range, protection)) return -ENOMEM;
            areas_.insert(area);
            return static_cast<std::int64_t>(range.begin);
        }
    }
    // A file's pages come when they are touched.
    const int first = file != nullptr ? PROT_NONE : protection;
    unread_.remove(range);
    if (!range_call(abi::Call::kMap, range.begin, range.size(), permissions_of(first))) {
        range_call(abi::Call::kUnmap, range.begin, range.size());
        areas_.remove(range);
        return -ENOMEM;
    }
    areas_.insert(area);
    if (file != nullptr) unread_.add({range, Ref<OpenFile>{file}, offset});
    // Pages that may be written are read at once, since a call to the host may write to them. So
    // are those of a file that is open for writing: its descriptor must not outlive its close.
    if (file != nullptr && (area.written || file->writable()) && !read_all(range)) {
        unmap(range.begin, range.size());
        return -EIO;
    }
    return static_cast<std::int64_t>(range.begin);
}

std::int64_t Memory::unmap(std::uint64_t address, std::uint64_t size) {
    Range range;
    if (size == 0 || !parse(address, size, range)) return -EINVAL;
    write_back(range);
    const auto replaced = shared_.within(range);  // their ends may release the lock
    // Only what is mapped: a range over a large hole costs nothing.
    areas_.for_each(range,
                    [](const Area&, Range part) { range_call(abi::Call::kUnmap, part.begin, part.size()); });
    areas_.remove(range);
    unread_.remove(range);
    shared_.remove(range);
    return 0;
}

std::int64_t Memory::protect(std::uint64_t address, std::uint64_t size, int protection) {
    if (address % abi::kPageSize != 0) return -EINVAL;
    if (protection & ~(kAllProtection | PROT_GROWSDOWN | PROT_GROWSUP)) return -EINVAL;
    protection &= kAllProtection;
    if (size == 0) return 0;
    Range range;
    if (!parse(address, size, range) || !areas_.covers(range)) return -ENOMEM;
    bool allowed = true;
    areas_.for_each(range, [&](const Area& area, Range) {
        if (area.kind == AreaKind::kSharedFile && (protection & PROT_WRITE)) allowed = false;
    });
    const FileParts::Part* part = shared_.find(range);
    if ((protection & PROT_WRITE) && part != nullptr && !part->file->writable()) allowed = false;
    if (!allowed) return -EACCES;
    if (areas_.all().size() + 2 > kMaxAreas) return -ENOMEM;
    if ((protection & PROT_WRITE) && unread_.find(range) != nullptr) {
        if (!read_all(range)) return -EIO;
        if (!areas_.covers(range)) return -ENOMEM;  // the lock was released
    }
    if (!set_protection(range, protection)) return -ENOMEM;
    areas_.protect(range, protection);
    return 0;
}

std::int64_t Memory::grow(const Area& area, Range old, std::uint64_t new_size, int flags,
                          std::uint64_t target) {
    const AreaKind kind = area.kind;
    const int protection = area.protection;
    if (new_size > limit_) return -ENOMEM;
    if (kind == AreaKind::kShared) return move_shared(area, old, new_size, flags, target);
    const Range in_place{old.end, old.begin + new_size};
    if (!(flags & MREMAP_FIXED) && new_size > old.size() && program_may_use(in_place) &&
        !areas_.overlaps(in_place)) {
        return place({in_place, protection, kind}) ? static_cast<std::int64_t>(old.begin) : -ENOMEM;
    }
    if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
    Range to;
    if (flags & MREMAP_FIXED) {
        if (!parse(target, new_size, to) || to.overlaps(old)) return -EINVAL;
    } else {
        const auto gap = areas_.find_gap(new_size, abi::kEnclaveBegin, abi::kMmapTop);
        if (!gap) return -ENOMEM;
        to = *gap;
    }
    if (!place({to, protection, kind})) return -ENOMEM;
    const std::uint64_t kept = old.size() < new_size ? old.size() : new_size;
    if (!move_pages(old.begin, to.begin, kept)) return -ENOMEM;
    range_call(abi::Call::kUnmap, old.begin, old.size());
    areas_.remove(old);
    return static_cast<std::int64_t>(to.begin);
}

// Its pages are shown anew where it goes.
std::int64_t Memory::move_shared(const Area& area, Range old, std::uint64_t new_size, int flags,
                                 std::uint64_t target) {
    const FileParts::Part part = *shared_.find(old);
    Area moved = area;
    moved.offset = part.offset + (old.begin - part.range.begin);
    moved.range = {old.begin, old.begin + new_size};
    const Range more{old.end, moved.range.end};
    const bool in_place = !(flags & MREMAP_FIXED) && program_may_use(moved.range) && !areas_.overlaps(more);
    if (!in_place && !(flags & MREMAP_MAYMOVE)) return -ENOMEM;
    if (flags & MREMAP_FIXED) {
        if (!parse(target, new_size, moved.range) || moved.range.overlaps(old)) return -EINVAL;
    } else if (!in_place) {
        const auto gap = areas_.find_gap(new_size, abi::kEnclaveBegin, abi::kMmapTop);
        if (!gap) return -ENOMEM;
        moved.range = *gap;
    }
    unmap(old.begin, old.size());
    return map_shared(moved, part.file, moved.offset);
}

std::int64_t Memory::remap(std::uint64_t address, std::uint64_t old_size, std::uint64_t new_size, int flags,
                           std::uint64_t target) {
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) return -EINVAL;
    if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE)) return -EINVAL;
    Range old;
    if (new_size == 0 || new_size > abi::kEnclaveEnd || old_size == 0 || !parse(address, old_size, old))
        return -EINVAL;
    new_size = round_to_pages(new_size);
    if (!read_all(old)) return -EIO;
    const Area* area = areas_.find(old.begin);
    if (area == nullptr || area->range.end < old.end) return -EFAULT;
    if (flags & MREMAP_FIXED) return grow(*area, old, new_size, flags, target);
    if (new_size <= old.size()) {
        if (new_size < old.size()) unmap(old.begin + new_size, old.size() - new_size);
        return static_cast<std::int64_t>(old.begin);
    }
    return grow(*area, old, new_size, flags, target);
}

std::int64_t Memory::write_back(Range range) const {
    std::int64_t result = 0;
    for (const FileParts::Part& part : shared_.within(range)) {
        const std::int64_t error = part.file->write_back(part.offset, part.range.size());
        result = result == 0 ? error : result;
    }
    return result;
}

void Memory::wipe() {
    for (const Area& area : areas_.all()) {
        if (area.wiped_in_copies) range_call(abi::Call::kDiscard, area.range.begin, area.range.size());
    }
}

void Memory::hide_shared() {
    areas_.for_each({0, ~0ull}, [](const Area& area, Range part) {
        if (area.kind == AreaKind::kShared) hide(part);
    });
}

std::uint64_t Memory::shared_address(std::uint64_t address) {
    const FileParts::Part* part = shared_.find({address, address + 1});
    if (part == nullptr || !part->range.contains(address)) return 0;
    const std::uint64_t at = part->offset + (address - part->range.begin);
    const std::byte* page = part->file->shared_page(at);
    return page == nullptr ? 0 : reinterpret_cast<std::uint64_t>(page) + at % abi::kPageSize;
}

void Memory::begin_copy() {
    if (!just_copied_) return;
    just_copied_ = false;
    wipe();
    std::vector<Range> left_out;
    for (const Area& area : areas_.all()) {
        if (area.not_in_children) left_out.push_back(area.range);
    }
    for (const Range range : left_out) unmap(range.begin, range.size());
}

std::int64_t Memory::advise(std::uint64_t address, std::uint64_t size, int advice) {
    if (address % abi::kPageSize != 0) return -EINVAL;
    switch (advice) {
        case MADV_NORMAL:
        case MADV_RANDOM:
        case MADV_SEQUENTIAL:
        case MADV_WILLNEED:
        case MADV_DONTNEED:
        case MADV_FREE:
        case MADV_DONTFORK:
        case MADV_DOFORK:
        case MADV_HUGEPAGE:
        case MADV_NOHUGEPAGE:
        case MADV_DONTDUMP:
        case MADV_DODUMP:
        case MADV_WIPEONFORK:
        case MADV_KEEPONFORK:
            break;
        default:
            return -EINVAL;
    }
    if (size == 0) return 0;
    Range range;
    if (!parse(address, size, range)) return -ENOMEM;
    if (advice == MADV_WIPEONFORK || advice == MADV_KEEPONFORK) {
        bool private_memory = true;
        areas_.for_each(range, [&](const Area& area, Range) {
            private_memory &= area.kind == AreaKind::kAnonymous || area.kind == AreaKind::kHeap ||
                              area.kind == AreaKind::kStack;
        });
        if (!private_memory) return -EINVAL;
        areas_.set_wiped(range, advice == MADV_WIPEONFORK);
    }
    if (advice == MADV_DONTFORK || advice == MADV_DOFORK) areas_.set_left_out(range, advice == MADV_DONTFORK);
    if (advice == MADV_DONTNEED) {
        // A file's pages would be read again and be the same, or lose what the
        // program wrote: they stay.
        areas_.for_each(range, [](const Area& area, Range part) {
            if (area.kind == AreaKind::kAnonymous || area.kind == AreaKind::kHeap ||
                area.kind == AreaKind::kStack) {
                range_call(abi::Call::kDiscard, part.begin, part.size());
            }
        });
    }
    return areas_.covers(range) ? 0 : -ENOMEM;
}

}  // namespace enclavisor::runtime
