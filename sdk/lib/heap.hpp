// Addresses for mappings.
#pragma once

#include <cstddef>
#include <cstdint>

namespace enclavisor::sdk {

// A range of addresses that nothing else uses, and a page behind it that nothing
// ever will. Never given back: there are enough. Panics when there are not.
std::uint64_t take_addresses(std::size_t pages);

}  // namespace enclavisor::sdk
