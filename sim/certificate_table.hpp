// The certificates that a hypervisor gives a guest with an extended request.
#pragma once

#include "sim/authority.hpp"

namespace enclavisor::sim {

// A table of GUIDs and offsets, then the certificates (DER) of the key that signs by default: whole pages.
Bytes certificate_table(const Chip& chip, Authority& authority);

}  // namespace enclavisor::sim
