#include "host/lib/link.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace enclavisor::host {

Result<Link> Link::create(std::uint64_t size, std::uint64_t tsc_khz) {
    if (!std::has_single_bit(size) || size < (8ull << 20) || size > abi::kLinkMaxSize) {
        return fail("the link's size must be a power of two between 8 MiB and 256 MiB", "use the default");
    }
    Fd fd{::memfd_create("enclavisor-link", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
        return fail(std::string{"cannot create shared memory: "} + std::strerror(errno), "free some memory");
    }
    // Nobody may take pages away under a mapping: that would be a SIGBUS here.
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return fail(std::string{"cannot seal shared memory: "} + std::strerror(errno));
    }
    auto mapping = TRY(Mapping::create(fd.get(), 0, size));
    Link link{std::move(fd), std::move(mapping)};
    abi::LinkHeader& header = link.header();
    header.magic = abi::kLinkMagic;
    header.version = abi::kLinkVersion;
    header.size = size;
    header.tsc_khz = tsc_khz;
    return link;
}

const abi::EnclaveStatus& Link::status(std::uint32_t slot) const {
    return at<abi::EnclaveStatus>(abi::kStatusOffset +
                                  (slot % abi::kMaxEnclaves) * sizeof(abi::EnclaveStatus));
}

void Link::clear(std::uint64_t offset, std::uint64_t size) const {
    if (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(size)) != 0) {
        std::memset(bytes().data() + offset, 0, size);
    }
}

Result<std::uint64_t> IoPool::allocate(std::uint64_t pages) {
    const std::uint64_t size = pages * abi::kPageSize;
    std::lock_guard guard{mutex_};
    std::uint64_t offset = abi::kIoPoolOffset;
    for (const auto& [begin, length] : used_) {
        if (begin - offset >= size) break;
        offset = begin + length;
    }
    if (size > end_ - offset) {
        return fail("no room for I/O is left in the link", "end some enclaves or use a larger link");
    }
    used_.emplace(offset, size);
    return offset;
}

void IoPool::free(std::uint64_t offset) {
    std::lock_guard guard{mutex_};
    used_.erase(offset);
}

}  // namespace enclavisor::host
