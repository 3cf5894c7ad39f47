// The measurement of an enclave, computed without a VM (docs/measurement.md).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "abi/evidence/measurement.hpp"
#include "host/lib/image.hpp"

namespace enclavisor::host {

using Measurement = std::array<std::byte, abi::kMeasurementSize>;

Measurement measure(const EnclaveImage& image);
// Of a group, from its members' in order (docs/measurement.md, "Groups").
Measurement measure_group(std::span<const Measurement> members);
std::string to_hex(std::span<const std::byte> bytes);

}  // namespace enclavisor::host
