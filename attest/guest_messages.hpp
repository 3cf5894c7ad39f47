// The guest's side of messages to the secure processor. The key and the counting of messages are
// here, in the attestation enclave; the kernel and the hypervisor carry pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/evidence/vm_report.hpp"
#include "abi/platform/guest_message.hpp"

namespace enclavisor::attest {

using abi::MessageRefusal;

struct MessagePage {
    alignas(8) std::uint8_t bytes[abi::kPageSize];
};

// One conversation under one key. A number is used for one message alone, and under AES-GCM it must not be
// otherwise: a request goes out again only as the same bytes, and after an answer that cannot
// be, nothing goes out any more.
class GuestMessages {
public:
    static constexpr std::size_t kKeySize = 32;

    // `number`: which VMPCK the key is. `sent`: messages under it so far, both ways.
    void begin(std::span<const std::uint8_t, kKeySize> key, std::uint8_t number, std::uint64_t sent = 0);

    MessageRefusal seal(abi::GuestMessageType type, std::span<const std::uint8_t> request, MessagePage& page);
    // `page`: the guest's own copy of the answer. `size`: of what is in `answer` then.
    MessageRefusal open(MessagePage& page, std::span<std::uint8_t> answer, std::size_t& size);

    bool closed() const { return closed_; }
    // Nothing goes out any more, and the key is erased. Returns `refusal`.
    MessageRefusal close(MessageRefusal refusal);

private:
    std::uint8_t key_[kKeySize] = {};
    std::uint8_t key_number_ = 0;
    std::uint64_t sent_ = 0;
    std::uint8_t awaited_ = 0;  // the type of the answer; 0: none
    bool closed_ = true;
};

}  // namespace enclavisor::attest
