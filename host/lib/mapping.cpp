#include "host/lib/mapping.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace enclavisor::host {

Result<Mapping> Mapping::create(int fd, std::uint64_t offset, std::size_t size) {
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (data == MAP_FAILED) {
        return fail(std::string{"cannot map shared memory: "} + std::strerror(errno),
                    "free memory or lower --memory");
    }
    return Mapping{static_cast<std::byte*>(data), size};
}

Mapping::~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace enclavisor::host
