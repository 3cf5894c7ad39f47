// Access to memory at addresses that the program chose. A bad address is an
// answer (-EFAULT), not a fault of the runtime. Nothing is hidden from the
// program in its own enclave, so any accessible address is allowed.
#pragma once

#include <errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

extern "C" {
[[gnu::visibility("hidden")]] bool guarded_copy(void* to, const void* from, std::size_t size);
[[gnu::visibility("hidden")]] bool guarded_exchange(std::uint32_t* at, std::uint32_t* expected,
                                                    std::uint32_t desired);
[[gnu::visibility("hidden")]] long guarded_string(char* to, const char* from, std::size_t room);
}

namespace enclavisor::runtime {

using Address = std::uint64_t;  // of the program's choice

inline bool copy_in(void* to, Address from, std::size_t size) {
    return guarded_copy(to, reinterpret_cast<const void*>(from), size);
}
inline bool copy_out(Address to, const void* from, std::size_t size) {
    return guarded_copy(reinterpret_cast<void*>(to), from, size);
}
template <typename T>
bool get(Address from, T& value) {
    return copy_in(&value, from, sizeof(T));
}
// 0 or -EFAULT.
template <typename T>
std::int64_t put(Address to, const T& value) {
    return copy_out(to, &value, sizeof(T)) ? 0 : -EFAULT;
}

// Buffers of the program, taken as one run of bytes.
class Buffers {
public:
    Buffers(Address address, std::uint64_t size)
        : total_{size}, one_{reinterpret_cast<void*>(address), size}, parts_{&one_, 1} {}
    // Precondition: the sizes' sum does not overflow and `parts` outlives this.
    explicit Buffers(std::span<const iovec> parts) : total_{0}, one_{}, parts_{parts} {
        for (const iovec& part : parts) total_ += part.iov_len;
    }
    Buffers(const Buffers&) = delete;
    Buffers& operator=(const Buffers&) = delete;

    std::uint64_t size() const { return total_; }
    // The address if all lies in one piece.
    bool contiguous() const { return parts_.size() == 1; }
    Address address() const { return reinterpret_cast<Address>(parts_[0].iov_base); }

    // Copies `size` bytes at `offset` of the run; both lie within it.
    bool read(std::uint64_t offset, void* to, std::uint64_t size) const {
        return walk(offset, size, [&](std::byte* part, std::uint64_t done, std::uint64_t step) {
            return guarded_copy(static_cast<std::byte*>(to) + done, part, step);
        });
    }
    bool write(std::uint64_t offset, const void* from, std::uint64_t size) const {
        return walk(offset, size, [&](std::byte* part, std::uint64_t done, std::uint64_t step) {
            return guarded_copy(part, static_cast<const std::byte*>(from) + done, step);
        });
    }

private:
    template <typename Copy>
    bool walk(std::uint64_t offset, std::uint64_t size, Copy copy) const {
        std::uint64_t done = 0;
        for (const iovec& part : parts_) {
            if (done == size) break;
            if (offset >= part.iov_len) {
                offset -= part.iov_len;
                continue;
            }
            const std::uint64_t step = std::min<std::uint64_t>(part.iov_len - offset, size - done);
            if (!copy(static_cast<std::byte*>(part.iov_base) + offset, done, step)) return false;
            done += step;
            offset = 0;
        }
        return true;
    }

    std::uint64_t total_;
    iovec one_;
    std::span<const iovec> parts_;
};

}  // namespace enclavisor::runtime
