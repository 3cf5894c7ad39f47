// The kernel's side of the attestation enclave: it hands over what is to be
// measured, one request at a time, and takes the answer. The kernel holds no
// cryptography itself.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/evidence/measurement.hpp"
#include "kernel/memory/entry.hpp"

namespace enclavisor::kernel {

struct Kernel;
struct Enclave;
class Thread;

class Attestation {
public:
    // Makes the attestation enclave out of the kernel's image and lets it run.
    void start(Kernel& kernel);

    // Precondition: !busy(). The pages to measure were put in window() before.
    void submit(Kernel& kernel, const abi::AttestRequest& request);
    bool busy() const { return busy_; }
    bool is(const Enclave& enclave) const { return enclave_ == &enclave; }

    // Enclaves that are being built have a hash under way in one of a few places,
    // so that the attestation enclave needs no memory after boot. Absent: all taken.
    std::optional<std::uint32_t> take_place();
    void give_back(std::uint32_t place) { places_ &= ~(1ull << place); }

    // Page `index` of the window that the attestation enclave reads.
    Entry& window(std::uint64_t index) { return window_[index]; }

    // Call::kAttestNext. The thread leaves an answer and sleeps for the next
    // request.
    void next(Kernel& kernel, Thread* thread);

    // The page at abi::kAttestMessage; null where there is none.
    void* message() const { return message_; }
    // Call::kGuestRequest: false where nobody could be asked.
    bool ask_processor();

private:
    void hand_over();

    Enclave* enclave_ = nullptr;
    Thread* thread_ = nullptr;
    void* message_ = nullptr;
    Entry* window_ = nullptr;   // the last-level table of the window
    std::uint64_t places_ = 0;  // bit i: place i is taken
    static_assert(abi::kAttestPlaces == 64);
    bool busy_ = false;
    bool pending_ = false;  // a request that the enclave has not got yet
    abi::AttestRequest request_ = {};
};

}  // namespace enclavisor::kernel
