// From a guest that QEMU has made, and that waits, to one that runs as it was asked for.
#pragma once

#include "host/lib/qmp.hpp"
#include "host/lib/sev_guest.hpp"

namespace enclavisor::host {

// It is of the platform and has the policy that were asked for; with an owner, it is measured
// right and has his secret. An error if not: it has not run then.
Result<void> finish_sev_launch(Qmp& qmp, const SevGuest& guest);

}  // namespace enclavisor::host
