// The kernel's calls, as functions make them.
#pragma once

#include "base/kernel_call.hpp"

namespace enclavisor::sdk {

using base::end_enclave;
using base::kernel_call;
using base::range_call;
using base::thread_block;

}  // namespace enclavisor::sdk
