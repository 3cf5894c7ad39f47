// File mappings are read when they are touched, a chunk at a time.
#include <errno.h>
#include <sys/mman.h>

#include "abi/enclave/config.hpp"
#include "runtime/memory/memory.hpp"
#include "runtime/memory/permissions.hpp"
#include "runtime/memory/shown_page.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kChunk = abi::kTrustedChunk;

// Where a thread makes pages ready that others shall see as a whole.
constexpr std::uint64_t kScratchBase = 0x7f50'0000'0000;

// Bits of the error code of a page fault (AMD APM volume 2, 8.4.2).
constexpr std::uint64_t kWrite = 2, kFetch = 16;

// Reads into pages of zeros; what lies beyond the file's end stays zero.
bool read_into(std::uint64_t address, std::uint64_t size, OpenFile& file, std::uint64_t offset) {
    for (std::uint64_t done = 0; done < size;) {
        const std::int64_t count = file.read({address + done, size - done}, offset + done);
        if (count < 0) return false;
        if (count == 0) break;
        done += static_cast<std::uint64_t>(count);
    }
    return true;
}

}  // namespace

// Reads the chunk that holds the unread page at `address`. The file is read with the lock
// released, so what is there afterwards is looked at again.
Memory::Touched Memory::read_part(std::uint64_t address) {
    const FileParts::Part part = *unread_.find({address, address + 1});
    const std::uint64_t at = part.offset + (address - part.range.begin);  // in the file
    const std::uint64_t before = std::min(at % kChunk, address - part.range.begin);
    const std::uint64_t begin = address - before / abi::kPageSize * abi::kPageSize;
    const std::uint64_t offset = part.offset + (begin - part.range.begin);
    const Range range{begin, std::min(part.range.end, begin + (kChunk - offset % kChunk))};

    const std::uint64_t scratch = kScratchBase + this_thread().slot * kChunk;
    const auto forget = [&] { range_call(abi::Call::kUnmap, scratch, range.size()); };
    if (!range_call(abi::Call::kMap, scratch, range.size(), permissions_of(PROT_READ | PROT_WRITE)) ||
        !read_into(scratch, range.size(), *part.file, offset)) {
        forget();
        return Touched::kFailed;
    }
    const FileParts::Part* now = unread_.find(range);
    const Area* area = areas_.find(range.begin);
    const bool same = now != nullptr && area != nullptr && now->file.get() == part.file.get() &&
                      now->range.begin <= range.begin && now->range.end >= range.end &&
                      now->offset + (range.begin - now->range.begin) == offset;
    if (!same) {
        forget();
        return Touched::kRead;  // by another thread, or it is another mapping: to be tried again
    }
    range_call(abi::Call::kProtect, scratch, range.size(), permissions_of(area->protection));
    const bool moved = move_pages(scratch, range.begin, range.size());
    forget();
    if (!moved) return Touched::kFailed;
    unread_.remove(range);
    // A chunk may reach over several areas.
    areas_.for_each(range, [](const Area& each, Range shown) {
        range_call(abi::Call::kProtect, shown.begin, shown.size(), permissions_of(each.protection));
    });
    return Touched::kRead;
}

void replace_page(std::byte* page) {
    range_call(abi::Call::kDiscard, reinterpret_cast<std::uint64_t>(page), abi::kPageSize);
}

bool Memory::read_all(Range range) {
    while (const FileParts::Part* part = unread_.find(range)) {
        const std::uint64_t begin = range.begin / abi::kPageSize * abi::kPageSize;
        if (read_part(std::max(part->range.begin, begin)) == Touched::kFailed) return false;
    }
    return true;
}

// One page of the enclave's own, which others may have in their address spaces too.
Memory::Touched Memory::show_shared(std::uint64_t page, int needed) {
    const Range range{page, page + abi::kPageSize};
    const FileParts::Part part = *shared_.find(range);
    const std::uint64_t offset = part.offset + (page - part.range.begin);
    const std::byte* own = part.file->shared_page(offset);
    // It may have been read from the host, with the lock released.
    const FileParts::Part* now = shared_.find(range);
    const Area* area = areas_.find(page);
    if (now == nullptr || area == nullptr || now->file.get() != part.file.get() ||
        now->offset + (page - now->range.begin) != offset) {
        return Touched::kRead;  // to be tried again
    }
    if (own == nullptr) return Touched::kFailed;
    const bool both = (area->protection & PROT_WRITE) && (area->protection & PROT_EXEC);
    const std::int64_t shown = kernel_call(abi::Call::kShare, reinterpret_cast<std::uint64_t>(own), page, 1,
                                           permissions_of(both ? needed : area->protection));
    return shown == 1 ? Touched::kRead : Touched::kFailed;
}

void Memory::show_all(Range range) {
    range.begin = range.begin / abi::kPageSize * abi::kPageSize;
    while (const FileParts::Part* part = range.begin < range.end ? shared_.find(range) : nullptr) {
        const std::uint64_t page = std::max(range.begin, part->range.begin);
        const Area* area = areas_.find(page);
        // Looked at first: to show it costs a kernel call.
        char byte;
        if (area != nullptr && (area->protection & PROT_READ) && !get(page, byte))
            show_shared(page, PROT_READ | PROT_WRITE);
        range.begin = page + abi::kPageSize;
    }
}

Memory::Touched Memory::touch(std::uint64_t address, std::uint64_t error) {
    const Area* area = areas_.find(address);
    if (area == nullptr) return Touched::kNothing;
    const int needed = error & kWrite ? PROT_WRITE : error & kFetch ? PROT_EXEC : PROT_READ;
    if (!(area->protection & needed)) return Touched::kNothing;
    const std::uint64_t page = address / abi::kPageSize * abi::kPageSize;
    if (unread_.find({page, page + abi::kPageSize}) != nullptr) return read_part(page);
    if (shared_.find({page, page + abi::kPageSize}) != nullptr) return show_shared(page, needed);
    if ((area->protection & PROT_WRITE) && (area->protection & PROT_EXEC)) {
        // What is to be both is always one of them: what was asked for last.
        range_call(abi::Call::kProtect, page, abi::kPageSize,
                   permissions_of(needed == PROT_EXEC ? PROT_READ | PROT_EXEC : PROT_READ | PROT_WRITE));
        return Touched::kRead;
    }
    // A page of a file that may be accessed: another thread was faster.
    return area->file != 0 ? Touched::kRead : Touched::kNothing;
}

}  // namespace enclavisor::runtime
