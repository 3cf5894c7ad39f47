// The link (abi/host/link.hpp): the memory shared with the VM. What is read
// from it may be anything at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>

#include "abi/host/control.hpp"
#include "abi/host/io_area.hpp"
#include "abi/host/link.hpp"
#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/mapping.hpp"

namespace enclavisor::host {

class Link {
public:
    // `size` must be a power of two in [8 MiB, abi::kLinkMaxSize]. The header's
    // host fields are filled in.
    static Result<Link> create(std::uint64_t size, std::uint64_t tsc_khz);

    int fd() const { return fd_.get(); }
    std::span<std::byte> bytes() const { return mapping_.bytes(); }
    abi::LinkHeader& header() const { return at<abi::LinkHeader>(0); }
    abi::ControlRing& control() const { return at<abi::ControlRing>(abi::kControlOffset); }
    const abi::EnclaveStatus& status(std::uint32_t slot) const;  // slot < kMaxEnclaves
    std::span<std::byte> control_data() const {
        return bytes().subspan(abi::kControlDataOffset, abi::kControlDataSize);
    }
    // The data of the first area of the window at `offset`.
    std::span<std::byte> io_data(std::uint64_t offset) const {
        return bytes().subspan(offset + abi::kIoDataOffset, abi::kIoDataSize);
    }
    // Makes [offset, offset + size), whole pages, zero and gives its memory back.
    void clear(std::uint64_t offset, std::uint64_t size) const;

private:
    Link(Fd fd, Mapping mapping) : fd_{std::move(fd)}, mapping_{std::move(mapping)} {}
    template <typename T>
    T& at(std::uint64_t offset) const {
        return *reinterpret_cast<T*>(mapping_.bytes().data() + offset);
    }

    Fd fd_;
    Mapping mapping_;
};

// Hands out windows of the link's pool: runs of pages.
class IoPool {
public:
    explicit IoPool(std::uint64_t link_size) : end_{link_size} {}

    Result<std::uint64_t> allocate(std::uint64_t pages = abi::kIoAreaPages);  // offset in the link
    void free(std::uint64_t offset);
    template <typename Visit>
    void for_each_used(Visit visit) {
        std::lock_guard guard{mutex_};
        for (const auto& [offset, size] : used_) visit(offset, size);
    }

private:
    std::mutex mutex_;
    std::uint64_t end_;
    std::map<std::uint64_t, std::uint64_t> used_;  // offset to size, bytes
};

}  // namespace enclavisor::host
