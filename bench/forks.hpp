// What an enclave has in the place of `fork`: instances of a template.
#pragma once

#include "bench/figures.hpp"
#include "host/lib/error.hpp"
#include "host/lib/paths.hpp"

namespace enclavisor::bench {

// What templates.hpp measures, under the names of the Linux programs it stands
// beside: "fork-MIB.child_first", "fork-MIB.touch_exit_wait", "copy-on-write.fault",
// "idle-children-MIB.kib_each".
host::Result<Figures> measure_forks(host::Platform platform);

}  // namespace enclavisor::bench
