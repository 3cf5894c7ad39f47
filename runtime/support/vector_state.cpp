#include "runtime/support/vector_state.hpp"

#include <cpuid.h>

#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {

const VectorStateInfo& vector_state_info() {
    static VectorStateInfo info{};
    if (info.size == 0) {
        std::uint32_t low, high, eax, ebx, ecx, edx;
        asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        __cpuid_count(0xd, 0, eax, ebx, ecx, edx);
        if (ebx < 576 || ebx > kVectorStateRoom) end_enclave(abi::EndReason::kFault, 13, ebx);
        info = {ebx, std::uint64_t{high} << 32 | low};
    }
    return info;
}

}  // namespace enclavisor::runtime
