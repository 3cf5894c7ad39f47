// Memory beyond the heap. `new` and `delete` work as usual; the heap grows on demand.
#pragma once

#include <cstddef>
#include <span>

namespace enclavisor::sdk {

// `pages` pages of zeros, writable; they take memory when they are touched. Empty: the
// enclave has no memory for its page tables.
std::span<std::byte> map_pages(std::size_t pages);
// What map_pages() returned, or whole pages of it. Their contents are gone.
void unmap_pages(std::span<std::byte> pages);

}  // namespace enclavisor::sdk
