#include "attest/secure_processor.hpp"

#include "abi/platform/ghcb.hpp"

namespace enclavisor::attest {

using R = MessageRefusal;

void SecureProcessor::begin(const abi::PlatformKey& key) {
    messages_.begin(key.key, static_cast<std::uint8_t>(key.number));
    begun_ = true;
}

SecureProcessor::Outcome SecureProcessor::give_up(R refusal, std::uint64_t detail) {
    closed_by_ = messages_.close(refusal);
    return {refusal, detail};
}

SecureProcessor::Outcome SecureProcessor::ask(abi::GuestMessageType type,
                                              std::span<const std::uint8_t> request, MessagePage& page,
                                              std::size_t& size) {
    constexpr std::uint64_t kBusy = std::uint64_t{abi::kRequestBusy} << 32;
    if (messages_.closed()) return {R::kClosed, static_cast<std::uint64_t>(closed_by_)};
    R refusal = messages_.seal(type, request, page);
    if (refusal != R::kNone) return give_up(refusal);
    // The same bytes each time: whether the secure processor has had them before, only it knows.
    std::uint64_t error = carry_(page);
    for (int attempt = 1; error == kBusy && attempt < kMostAttempts; attempt++) {
        pause_();
        error = carry_(page);
    }
    if (error != 0) return give_up(error == kBusy ? R::kBusy : R::kError, error);
    refusal = messages_.open(page, answer_, size);
    return refusal == R::kNone ? Outcome{} : give_up(refusal);
}

SecureProcessor::Outcome SecureProcessor::report(std::span<const std::uint8_t, abi::kReportDataSize> data,
                                                 std::uint32_t vmpl, MessagePage& page) {
    abi::ReportRequest request{};
    __builtin_memcpy(request.report_data, data.data(), sizeof(request.report_data));
    request.vmpl = vmpl;
    std::size_t size = 0;
    Outcome outcome = ask(abi::GuestMessageType::kReportRequest,
                          {reinterpret_cast<const std::uint8_t*>(&request), sizeof(request)}, page, size);
    __builtin_memset(page.bytes, 0, sizeof(page.bytes));
    if (outcome.refusal != R::kNone) return outcome;
    abi::ReportResponse response{};
    if (size >= sizeof(response)) __builtin_memcpy(&response, answer_, sizeof(response));
    if (response.status != 0) return {R::kStatus, response.status};
    if (size != sizeof(response) + abi::kReportSize || response.size != abi::kReportSize) return {R::kForm};
    __builtin_memcpy(page.bytes, answer_ + sizeof(response), abi::kReportSize);
    return outcome;
}

}  // namespace enclavisor::attest
