// Which accelerator QEMU uses.
#pragma once

#include <string>
#include <string_view>

#include "host/lib/error.hpp"

namespace enclavisor::host {

enum class Accelerator { kTcg, kKvm };

// Whether the text of /proc/cpuinfo shows hardware virtualisation. A KVM
// without it emulates kernel mode instruction by instruction, slower than TCG.
bool cpu_virtualises(std::string_view cpuinfo);

struct AcceleratorChoice {
    Accelerator accelerator;
    std::string reason;
};

// `wish`: "auto", "kvm" or "tcg"; empty: ENCLAVISOR_ACCEL, else auto.
Result<AcceleratorChoice> choose_accelerator(const std::string& wish);

}  // namespace enclavisor::host
