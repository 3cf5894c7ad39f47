// What the firmware answers to a command (SEV API, SNP ABI: status codes).
#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace enclavisor::sim {

enum class Status : std::uint32_t {
    kSuccess = 0x00,
    kInvalidPlatformState = 0x01,
    kInvalidGuestState = 0x02,
    kInvalidConfig = 0x03,
    kInvalidLength = 0x04,
    kAlreadyOwned = 0x05,
    kInvalidCertificate = 0x06,
    kPolicyFailure = 0x07,
    kInactive = 0x08,
    kInvalidAddress = 0x09,
    kBadSignature = 0x0A,
    kBadMeasurement = 0x0B,
    kAsidOwned = 0x0C,
    kInvalidAsid = 0x0D,
    kInvalidGuest = 0x10,
    kInvalidCommand = 0x11,
    kActive = 0x12,
    kUnsupported = 0x15,
    kInvalidParam = 0x16,
    kResourceLimit = 0x17,
    kInvalidPageSize = 0x19,
    kInvalidPageState = 0x1A,
    kInvalidPageOwner = 0x1C,
    kAeadOverflow = 0x1D,
    kBadSvn = 0x21,
    kBadVersion = 0x22,
    kInvalidKey = 0x27,
};

template <typename T>
using Result = base::Result<T, Status>;

inline base::Failure<Status> refuse(Status status) {
    return {status};
}

}  // namespace enclavisor::sim
