// Requests to the secure processor, each to its end: sealed, carried as often as the hypervisor is busy, its
// answer opened and checked.
#pragma once

#include <cstdint>
#include <span>

#include "abi/evidence/attest_image.hpp"
#include "attest/guest_messages.hpp"

namespace enclavisor::attest {

class SecureProcessor {
public:
    // Carries the page there; SW_EXITINFO2. Only if that is 0, the answer stands in the page then.
    using Carry = std::uint64_t (*)(MessagePage& page);
    // Between two attempts.
    using Pause = void (*)();

    constexpr SecureProcessor(Carry carry, Pause pause) : carry_{carry}, pause_{pause} {}

    void begin(const abi::PlatformKey& key);
    bool begun() const { return begun_; }

    struct Outcome {
        MessageRefusal refusal = MessageRefusal::kNone;
        std::uint64_t detail = 0;
    };
    // A report with that REPORT_DATA and VMPL, at the beginning of `page`; zeros follow it. After a refusal
    // the page is zeros.
    Outcome report(std::span<const std::uint8_t, abi::kReportDataSize> data, std::uint32_t vmpl,
                   MessagePage& page);

    static constexpr int kMostAttempts = 64;  // of one message

private:
    Outcome ask(abi::GuestMessageType type, std::span<const std::uint8_t> request, MessagePage& page,
                std::size_t& size);
    Outcome give_up(MessageRefusal refusal, std::uint64_t detail = 0);

    Carry carry_;
    Pause pause_;
    GuestMessages messages_;
    bool begun_ = false;
    MessageRefusal closed_by_ = MessageRefusal::kNone;
    std::uint8_t answer_[sizeof(abi::ReportResponse) + abi::kReportSize] = {};
};

}  // namespace enclavisor::attest
