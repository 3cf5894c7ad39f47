#include "host/lib/vm_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "abi/platform/ghcb.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

using R = abi::MessageRefusal;

// SW_EXITINFO2 (AMD 56421, 4.1.7).
std::string describe_error(std::uint64_t error) {
    const auto firmware = static_cast<std::uint32_t>(error), host = static_cast<std::uint32_t>(error >> 32);
    if (host == abi::kRequestCertificatesTooLarge)
        return "the hypervisor wants room for certificates, which were not asked for";
    if (host != 0) return fmt::format("the hypervisor ended the request with its error {:#x}", host);
    return fmt::format("the secure processor is said to refuse the message with status {:#x}", firmware);
}

}  // namespace

std::string describe(R refusal, std::uint64_t detail) {
    switch (refusal) {
        case R::kNone:
            return "nothing is wrong";
        case R::kClosed: {
            const bool known = detail < abi::kMessageRefusals && static_cast<R>(detail) != R::kClosed;
            return "the key to the secure processor is not used any more, after " +
                   (known ? "'" + describe(static_cast<R>(detail), 0) + "'" : std::string{"a failure"});
        }
        case R::kTooLarge:
            return "the message is larger than a page holds";
        case R::kOrder:
            return "a message out of order";
        case R::kSequence:
            return "an answer with another number than the request's next";
        case R::kHeader:
            return "an answer with a header that no answer to the request has";
        case R::kTag:
            return "an answer that the secure processor did not write";
        case R::kBusy:
            return "the hypervisor said each time that it is busy";
        case R::kError:
            return detail == 0 ? "an error instead of an answer" : describe_error(detail);
        case R::kStatus:
            return fmt::format("the secure processor gives no report: status {:#x}", detail);
        case R::kForm:
            return "an answer of the secure processor that is no report";
    }
    return fmt::format("an unknown reason ({})", static_cast<std::uint64_t>(refusal));
}

Result<ReportData> parse_report_data(const std::string& hex) {
    const auto bytes = parse_hex(hex);
    if (!bytes || bytes->size() > abi::kReportDataSize) {
        return fail("the report data is not up to 64 bytes in hexadecimal",
                    "give for instance --data $(openssl rand -hex 64)");
    }
    ReportData data{};
    std::copy(bytes->begin(), bytes->end(), data.begin());
    return data;
}

Result<VmReport> vm_report(Machine& machine, const ReportData& data) {
    VmReport report;
    const auto command = control_command(abi::Command::kVmReport, {0});
    const auto completion = TRY(machine.control().submit(command, data, report));
    const auto status = static_cast<abi::ControlStatus>(completion.status);
    if (status == abi::ControlStatus::kUnsupported) {
        return fail("this platform has no secure processor that makes reports",
                    "start the VM on sev-snp, or for tests on its model sim-snp");
    }
    if (status == abi::ControlStatus::kRefused) {
        const auto refusal = static_cast<R>(completion.values[0]);
        const bool answered = refusal == R::kStatus || refusal == R::kForm;
        return fail("no report: " + describe(refusal, completion.values[1]),
                    answered ? "" : "this VM can have none any more; start another");
    }
    TRY(control_values(command.command, completion));
    return report;
}

std::span<const std::byte, 48> launch_digest_in(const VmReport& report) {
    constexpr std::size_t kMeasurement = 0x90;  // 56860, "ATTESTATION_REPORT"
    return std::span{report}.subspan<kMeasurement, 48>();
}

}  // namespace enclavisor::host
