// The host's end of one call slot (abi/host/call_slot.hpp): calls into the enclave,
// and the answers to its calls out. Everything that is read from the slot is checked.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/call_ring.hpp"
#include "host/lib/error.hpp"
#include "host/lib/host_functions.hpp"
#include "host/lib/machine.hpp"
#include "host/lib/worker_pool.hpp"

namespace enclavisor::host {

// What the owner of a slot decides about it.
struct CallPolicy {
    HostFunctions functions;                  // what the enclave may call
    std::uint32_t enclave_spin = 0;           // rounds that the enclave is asked to poll before it sleeps
    std::chrono::microseconds host_spin{50};  // how long the host polls before it sleeps
    // How long to wait for one answer; absent: for ever.
    std::optional<std::chrono::milliseconds> patience;
    std::shared_ptr<WorkerPool> workers;  // who performs calls out; null: who waits for an answer
};

// Used by one thread at a time; workers come in beside it.
class CallClient : public std::enable_shared_from_this<CallClient> {
public:
    using Ticket = base::CallSender::Ticket;
    struct Answer {
        abi::CallStatus status;
        std::vector<std::byte> bytes;
    };

    // Clears the slot and takes it over, before the enclave sees it. `begins`: whether the
    // enclave runs at once, or is an instance, which sleeps until its first call.
    CallClient(Machine& machine, std::span<std::byte> slot, std::shared_ptr<const CallPolicy> policy,
               abi::EnclaveWaits begins);
    // The enclave at the other end, once it exists.
    void attach(std::uint64_t handle) { handle_ = handle; }
    // Nothing is written to the slot after this.
    void close();

    std::uint32_t area_size() const { return abi::call_area_size(pages_); }
    // A buffer for a call; waits while too many calls are under way.
    Result<Ticket> reserve(std::size_t capacity);
    std::span<std::byte> buffer(Ticket ticket) { return sender_.buffer(ticket); }
    void submit(Ticket ticket, std::uint32_t function, std::uint32_t size);
    // Waits for the answer to `ticket`, performing calls out meanwhile.
    Result<Answer> collect(Ticket ticket);
    // Waits, performing calls out meanwhile, until `ready`, or the enclave's end: an error.
    Result<void> wait_until(const std::function<bool()>& ready);

private:
    // These say whether there were any, and fail if the enclave broke the protocol.
    Result<bool> serve();     // performs calls out
    Result<bool> progress();  // the same, and takes completions
    enum class Polled { kNothing, kSomething, kReady };
    // Looks at the slot for a short while.
    Result<Polled> poll(const std::function<bool()>& ready);
    void answer(std::uint32_t id, std::span<std::byte> buffer, const HostAnswer& answer);
    void published();  // wakes the enclave if it sleeps
    // "the function panicked: ...", "the function ended by ...".
    Error why_ended() const;
    std::string last_words() const;
    bool ended() const { return machine_->is(handle_, abi::EnclaveState::kStopped); }
    bool anything() const { return sender_.anything() || receiver_.anything(); }

    Machine* machine_;
    abi::CallSlot* slot_;
    std::uint32_t pages_;
    std::uint64_t handle_ = 0;
    std::shared_ptr<const CallPolicy> policy_;
    base::CallSender sender_;
    std::array<std::optional<Answer>, abi::kCallDepth> answers_;
    std::mutex receiver_mutex_;  // what workers use too: the receiver's completions, `closed_`
    base::CallReceiver receiver_;
    bool closed_ = false;
};

}  // namespace enclavisor::host
