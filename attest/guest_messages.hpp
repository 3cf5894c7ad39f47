// The guest's side of messages to the secure processor. The key and the counting of messages are
// here, in the attestation enclave; the kernel and the hypervisor carry pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/platform/guest_message.hpp"

namespace enclavisor::attest {

enum class MessageRefusal : std::uint32_t {
    kNone = 0,
    kClosed,    // no more messages: an earlier answer was refused
    kTooLarge,  // more than a page holds
    kOrder,     // a request before the last one's answer, or an answer to none
    kSequence,  // not the number that follows the request's: replayed, reordered or made up
    kHeader,    // a header that no answer to the request has
    kTag,       // not by the secure processor, or changed on its way
};
const char* describe(MessageRefusal refusal);

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

private:
    MessageRefusal close(MessageRefusal refusal) {
        closed_ = true;
        return refusal;
    }

    std::uint8_t key_[kKeySize] = {};
    std::uint8_t key_number_ = 0;
    std::uint64_t sent_ = 0;
    std::uint8_t awaited_ = 0;  // the type of the answer; 0: none
    bool closed_ = true;
};

}  // namespace enclavisor::attest
