// What the host's end of a forwarded call executes.
#pragma once

#include "host/lib/error.hpp"

namespace enclavisor::bench {

// Instructions of the proxy for a `write` of one byte to /dev/null, the next call being
// there when it is looked for; a system call counts as one.
host::Result<double> count_in_proxy();

}  // namespace enclavisor::bench
