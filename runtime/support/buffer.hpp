// A run of bytes on the heap whose first contents do not matter.
#pragma once

#include <cstddef>
#include <memory>

namespace enclavisor::runtime {

class Buffer {
public:
    explicit Buffer(std::size_t size) : data_{std::allocator<std::byte>{}.allocate(size)}, size_{size} {}
    ~Buffer() { std::allocator<std::byte>{}.deallocate(data_, size_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    std::byte* data() { return data_; }
    std::size_t size() const { return size_; }

private:
    std::byte* data_;
    std::size_t size_;
};

}  // namespace enclavisor::runtime
