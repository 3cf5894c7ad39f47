// What the host and the instances of probe/exchange.cpp say to each other: slots of
// the I/O window from its third page.
#pragma once

#include <cstdint>

#include "abi/platform/layout.hpp"

namespace enclavisor::tests {

enum class ExchangeRole : std::uint32_t { kNone, kMaker, kReader };

struct alignas(64) ExchangeSlot {
    // host
    std::uint32_t role;    // ExchangeRole, written last
    std::uint32_t stop;    // the instance shall end by itself, with 42
    std::uint64_t peer;    // handle of the other instance
    std::uint64_t object;  // maker: writes it; reader: the host copies it here
    // enclave
    std::uint32_t rounds;  // maker: revocations; reader: mappings
    std::uint32_t stale;   // reader: it saw what was written after a revocation
    std::uint64_t reserved[4];
};
static_assert(sizeof(ExchangeSlot) == 64);

inline constexpr std::uint64_t kExchangeSlots = 2 * abi::kPageSize;

}  // namespace enclavisor::tests
