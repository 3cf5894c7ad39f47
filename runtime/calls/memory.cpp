// Memory calls; what they mean is in memory/memory.cpp.
#include <sys/mman.h>

#include "runtime/calls/call.hpp"

namespace enclavisor::runtime {
namespace {

std::int64_t sys_brk(std::uint64_t end) {
    return process().memory->brk(end);
}

std::int64_t sys_mmap(std::uint64_t hint, std::uint64_t size, int protection, int flags, Fd fd,
                      std::uint64_t offset) {
    Ref<OpenFile> file;
    if (!(flags & MAP_ANONYMOUS)) file = TRY_FILE(fd);
    return process().memory->map(hint, size, protection, flags, file.get(), offset);
}

std::int64_t sys_munmap(std::uint64_t address, std::uint64_t size) {
    return process().memory->unmap(address, size);
}
std::int64_t sys_mprotect(std::uint64_t address, std::uint64_t size, int protection) {
    return process().memory->protect(address, size, protection);
}
std::int64_t sys_mremap(std::uint64_t address, std::uint64_t old_size, std::uint64_t new_size, int flags,
                        std::uint64_t target) {
    return process().memory->remap(address, old_size, new_size, flags, target);
}
std::int64_t sys_madvise(std::uint64_t address, std::uint64_t size, int advice) {
    return process().memory->advise(address, size, advice);
}

// 0 if all of the range is mapped.
std::int64_t check_mapped(std::uint64_t address, std::uint64_t size) {
    std::uint64_t end;
    if (__builtin_add_overflow(address, size, &end)) return -ENOMEM;
    return size == 0 || process().memory->areas().covers({address & ~4095ull, end}) ? 0 : -ENOMEM;
}

std::int64_t sys_msync(std::uint64_t address, std::uint64_t size, int flags) {
    if (address % 4096 != 0 || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))) return -EINVAL;
    if ((flags & MS_ASYNC) && (flags & MS_SYNC)) return -EINVAL;
    TRY_ERRNO(check_mapped(address, size));
    return process().memory->write_back({address, address + size});
}

// Enclave memory is never swapped: every page is as good as locked.
std::int64_t sys_mlock(std::uint64_t address, std::uint64_t size) {
    return check_mapped(address, size);
}
std::int64_t sys_munlock(std::uint64_t address, std::uint64_t size) {
    return check_mapped(address, size);
}
std::int64_t sys_mlock2(std::uint64_t address, std::uint64_t size, unsigned flags) {
    return flags & ~1u ? -EINVAL : check_mapped(address, size);
}
std::int64_t sys_mlockall(unsigned flags) {
    return flags == 0 || (flags & ~7u) ? -EINVAL : 0;
}
std::int64_t sys_munlockall(Frame*) {
    return 0;
}

std::int64_t sys_mincore(std::uint64_t address, std::uint64_t size, Address to) {
    if (address % 4096 != 0) return -EINVAL;
    TRY_ERRNO(check_mapped(address, size));
    const std::uint8_t resident = 1;
    for (std::uint64_t page = 0; page * 4096 < size; page++) TRY_ERRNO(put(to + page, resident));
    return 0;
}

}  // namespace

ENCLAVISOR_CALL(brk)
ENCLAVISOR_CALL(mmap)
ENCLAVISOR_CALL(munmap)
ENCLAVISOR_CALL(mprotect)
ENCLAVISOR_CALL(mremap)
ENCLAVISOR_CALL(madvise)
ENCLAVISOR_CALL(msync)
ENCLAVISOR_CALL(mlock)
ENCLAVISOR_CALL(munlock)
ENCLAVISOR_CALL(mlock2)
ENCLAVISOR_CALL(mlockall)
ENCLAVISOR_CALL(munlockall)
ENCLAVISOR_CALL(mincore)

}  // namespace enclavisor::runtime
