// All that the SDK itself remembers. It lies in the page that also holds the top
// of the stack (function.ld), so that a small call writes to one page.
#pragma once

#include <bearssl/bearssl_hash.h>
#include <bearssl/bearssl_hmac.h>
#include <bearssl/bearssl_rand.h>

#include <cstdint>

#include "base/call_ring.hpp"
#include "sdk/include/enclavisor/call_out.hpp"

namespace enclavisor::sdk {

struct State {
    abi::CallSlot* slot;
    std::uint64_t slot_offset;  // in the I/O window
    std::uint32_t slot_pages;
    bool frozen;  // ready() was called
    base::CallReceiver in;
    base::CallSender out;
    detail::PendingCall* pending[abi::kCallDepth];  // by ticket; null: nobody wants the answer
    detail::PendingCalls ready;                     // answered, their coroutines not yet resumed
    detail::PendingCalls queued;                    // not yet submitted: no room in the ring

    std::uint64_t instance, generation;

    br_hmac_drbg_context generator;
    bool generator_started;
    bool seed_waits;  // `seed` is to be mixed in before the next number
    std::uint64_t seed[4];
};

extern State state;

}  // namespace enclavisor::sdk
