// #VC, vector 29: the processor's report of an instruction that the hypervisor intercepts (AMD 56421, 2.2;
// APM2 15.35.5). The kernel causes none: it asks by itself (platform/exits.hpp). In ring 3, CPUID is
// answered; whatever else a hypervisor chooses to intercept, or says that it did, changes nothing that
// an enclave computes.
#pragma once

#include <cstdint>
#include <span>

namespace enclavisor::kernel {

inline constexpr std::uint64_t kVmmCommunication = 29;

enum class VcAnswer {
    kCpuid,      // answer it, go on after it
    kUndefined,  // an instruction that enclaves do not have
    kException,  // #DB or #AC, which hypervisors intercept: to be believed as if it had come by itself
    kRefused,    // nothing that the instruction there could have caused
};
// Exits of which enclaves can be the cause, by the SVM exit code that is the error code, and believed only
// if `code`, what stands at RIP, is that instruction.
VcAnswer judge_vc(std::uint64_t exit_code, std::span<const std::uint8_t> code);

inline constexpr std::uint64_t kCpuidLength = 2;
inline constexpr std::uint64_t kExitException = 0x40;  // and the vector (APM2 appendix C)

}  // namespace enclavisor::kernel
