// Owner of a shared mapping of (a part of) a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "host/lib/error.hpp"

namespace enclavisor::host {

class Mapping {
public:
    // Maps [offset, offset + size) of `fd`, shared, readable and writable.
    static Result<Mapping> create(int fd, std::uint64_t offset, std::size_t size);

    Mapping() = default;
    Mapping(Mapping&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Mapping();

    std::span<std::byte> bytes() const { return {data_, size_}; }

private:
    Mapping(std::byte* data, std::size_t size) : data_{data}, size_{size} {}

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace enclavisor::host
