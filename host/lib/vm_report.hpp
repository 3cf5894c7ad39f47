// The report that the secure processor makes of a VM, by way of the VM's attestation enclave.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "abi/evidence/vm_report.hpp"
#include "host/lib/machine.hpp"

namespace enclavisor::host {

using ReportData = std::array<std::byte, abi::kReportDataSize>;
using VmReport = std::array<std::byte, abi::kReportSize>;

// Up to 64 bytes in hexadecimal; zeros follow them.
Result<ReportData> parse_report_data(const std::string& hex);

// As it comes: nothing of it is verified here. An error on platforms other than SEV-SNP.
Result<VmReport> vm_report(Machine& machine, const ReportData& data);

// MEASUREMENT: what the secure processor measured when the VM was launched, if the report is one.
std::span<const std::byte, 48> launch_digest_in(const VmReport& report);

// Why there is none, with `detail` as the attestation enclave gives it.
std::string describe(abi::MessageRefusal refusal, std::uint64_t detail);

}  // namespace enclavisor::host
