// Pages of the runtime that programs may see too (Call::kShare).
#pragma once

#include <cstddef>

namespace enclavisor::runtime {

// The runtime's page is another one from here on; programs keep what they see.
void replace_page(std::byte* page);

}  // namespace enclavisor::runtime
