// Physical and virtual addresses and page counts are different types.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "abi/host/control.hpp"
#include "abi/platform/layout.hpp"
#include "kernel/platform/platform.hpp"

namespace enclavisor::kernel {

// A guest-physical address; never carries the C-bit (see Entry).
struct PhysAddr {
    std::uint64_t value = 0;
    explicit constexpr PhysAddr(std::uint64_t v) : value{v} {}
    constexpr PhysAddr() = default;
    auto operator<=>(const PhysAddr&) const = default;
};

struct VirtAddr {
    std::uint64_t value = 0;
    explicit constexpr VirtAddr(std::uint64_t v) : value{v} {}
    constexpr VirtAddr() = default;
    auto operator<=>(const VirtAddr&) const = default;
    constexpr VirtAddr plus_pages(std::uint64_t pages) const {
        return VirtAddr{value + pages * abi::kPageSize};
    }
};

struct PageCount {
    std::uint64_t value = 0;
    explicit constexpr PageCount(std::uint64_t v) : value{v} {}
    constexpr PageCount() = default;
    auto operator<=>(const PageCount&) const = default;
};

// What an enclave may do with a page. Never writable and executable.
class Permissions {
public:
    static constexpr Permissions none() { return Permissions{0}; }
    static constexpr Permissions read() { return Permissions{abi::kRead}; }
    static constexpr Permissions read_write() { return Permissions{abi::kRead | abi::kWrite}; }
    static constexpr Permissions read_execute() { return Permissions{abi::kRead | abi::kExecute}; }

    // From the ABI's bits (abi::kRead ...). Absent for unknown bits and for
    // writable and executable. Any permission implies read.
    static constexpr std::optional<Permissions> parse(std::uint64_t bits) {
        if (bits & ~(abi::kRead | abi::kWrite | abi::kExecute)) return std::nullopt;
        if (CurrentPlatform::kDefended && (bits & abi::kWrite) && (bits & abi::kExecute)) return std::nullopt;
        return Permissions{static_cast<std::uint8_t>(bits ? bits | abi::kRead : 0)};
    }

    constexpr bool any() const { return bits_ != 0; }
    constexpr bool writable() const { return bits_ & abi::kWrite; }
    constexpr bool executable() const { return bits_ & abi::kExecute; }
    constexpr bool operator==(const Permissions&) const = default;

private:
    explicit constexpr Permissions(std::uint8_t bits) : bits_{bits} {}
    std::uint8_t bits_;
};

// A page-aligned range inside an enclave's part of the address space.
struct PageRange {
    VirtAddr begin;
    PageCount count;
    constexpr VirtAddr end() const { return begin.plus_pages(count.value); }

    // Absent unless `address` is aligned, count is not zero, and all of it lies in
    // [kEnclaveBegin, kEnclaveEnd).
    static constexpr std::optional<PageRange> parse(std::uint64_t address, std::uint64_t count) {
        constexpr std::uint64_t kMaxPages = (abi::kEnclaveEnd - abi::kEnclaveBegin) / abi::kPageSize;
        if (address % abi::kPageSize || count == 0 || count > kMaxPages) return std::nullopt;
        if (address < abi::kEnclaveBegin || address >= abi::kEnclaveEnd) return std::nullopt;
        if (count * abi::kPageSize > abi::kEnclaveEnd - address) return std::nullopt;
        return PageRange{VirtAddr{address}, PageCount{count}};
    }
};

// Whether an address means the same in all spaces of an enclave.
constexpr bool is_common(VirtAddr address) {
    return address.value >= abi::kCommonBegin && address.value < abi::kCommonEnd;
}

// The page that holds `address`.
constexpr PageRange page_at(VirtAddr address) {
    return {VirtAddr{address.value & ~(abi::kPageSize - 1)}, PageCount{1}};
}

}  // namespace enclavisor::kernel
