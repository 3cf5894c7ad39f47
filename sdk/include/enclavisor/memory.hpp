// Memory beyond the heap. `new` and `delete` work as usual; the heap grows on demand.
#pragma once

#include <cstddef>
#include <span>

namespace enclavisor::sdk {

// `pages` pages of zeros, writable; they take memory when they are touched, and a touch
// beyond the enclave's limit ends it. Empty: no memory for their page tables.
std::span<std::byte> map_pages(std::size_t pages);
// What map_pages() returned, or whole pages of it. Their contents are gone.
void unmap_pages(std::span<std::byte> pages);

}  // namespace enclavisor::sdk
