// The measurement of an enclave, computed without a VM (docs/measurement.md).
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "abi/evidence/measurement.hpp"
#include "host/lib/image.hpp"

namespace enclavisor::host {

using Measurement = std::array<std::byte, abi::kMeasurementSize>;

Measurement measure(const EnclaveImage& image);
std::string to_hex(std::span<const std::byte> bytes);

}  // namespace enclavisor::host
