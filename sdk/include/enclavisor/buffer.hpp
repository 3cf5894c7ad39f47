// Bytes of the function's own heap.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace enclavisor::sdk {

class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t size) : data_{size != 0 ? new std::byte[size] : nullptr}, size_{size} {}
    explicit Buffer(std::span<const std::byte> from) : Buffer{from.size()} {
        if (size_ != 0) __builtin_memcpy(data_, from.data(), size_);
    }
    Buffer(Buffer&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Buffer() { delete[] data_; }

    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }
    std::size_t size() const { return size_; }
    operator std::span<const std::byte>() const { return {data_, size_}; }
    operator std::span<std::byte>() { return {data_, size_}; }

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace enclavisor::sdk
