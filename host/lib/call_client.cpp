#include "host/lib/call_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "host/lib/ending.hpp"
#include "host/lib/shared_word.hpp"

namespace enclavisor::host {
namespace {

constexpr std::chrono::milliseconds kLongestSleep{50};
constexpr std::uint32_t kMostLastWords = 256;
// Looks at the slot before the clock, the enclave's state and the VM's are looked at,
// which costs more: so many in vain, and so many in all.
constexpr int kQuietLooks = 64, kMostLooks = 4096;

Error broken() {
    return Error{"the enclave broke the protocol of calls", "destroy it", kExitFailure};
}

}  // namespace

CallClient::CallClient(Machine& machine, std::span<std::byte> slot, std::shared_ptr<const CallPolicy> policy,
                       abi::EnclaveWaits begins)
    : machine_{&machine},
      slot_{reinterpret_cast<abi::CallSlot*>(slot.data())},
      pages_{static_cast<std::uint32_t>(slot.size() / abi::kPageSize)},
      policy_{std::move(policy)},
      sender_{base::calls_in(slot.data(), pages_)},
      receiver_{base::calls_out(slot.data(), pages_)} {
    std::memset(slot.data(), 0, slot.size());
    slot_->spin = policy_->enclave_spin;
    slot_->pages = pages_;
    slot_->enclave_waits = static_cast<std::uint32_t>(begins);
}

void CallClient::close() {
    std::lock_guard guard{receiver_mutex_};
    closed_ = true;
}

void CallClient::published() {
    __atomic_fetch_add(&slot_->events, 1, __ATOMIC_SEQ_CST);  // a full fence, too
    if (load(slot_->enclave_waits) == 0) return;
    switch (static_cast<abi::EnclaveWaits>(__atomic_exchange_n(&slot_->enclave_waits, 0, __ATOMIC_ACQ_REL))) {
        case abi::EnclaveWaits::kAwake:
            return;
        case abi::EnclaveWaits::kQuietly:
            // Whether it can be sent is seen by who waits for the answer.
            (void)machine_->control().post(abi::Command::kNotify, {handle_});
            return;
        case abi::EnclaveWaits::kForDoorbell:
            machine_->control().ring_guest();
            return;
    }
}

// --- Calls in ----------------------------------------------------------------

Result<CallClient::Ticket> CallClient::reserve(std::size_t capacity) {
    if (capacity > area_size()) {
        return fail(fmt::format("a call of {} bytes does not fit the {} of a slot", capacity, area_size()),
                    "load the function with larger slots");
    }
    const auto size = static_cast<std::uint32_t>(capacity);
    std::optional<Ticket> ticket = sender_.reserve(size);
    if (!ticket) {
        if (sender_.under_way() == 0) {
            return fail("answers that nobody has collected fill the slot", "collect them");
        }
        TRY(wait_until([&] {
            if (!ticket) ticket = sender_.reserve(size);
            return ticket.has_value();
        }));
    }
    return *ticket;
}

void CallClient::submit(Ticket ticket, std::uint32_t function, std::uint32_t size) {
    answers_[ticket].reset();
    sender_.submit(ticket, function, size);
    published();
}

Result<CallClient::Answer> CallClient::collect(Ticket ticket) {
    TRY(wait_until([&] { return answers_[ticket].has_value(); }));
    Answer answer = std::move(*answers_[ticket]);
    answers_[ticket].reset();
    return answer;
}

// --- Calls out ---------------------------------------------------------------

void CallClient::answer(std::uint32_t id, std::span<std::byte> buffer, const HostAnswer& answer) {
    std::lock_guard guard{receiver_mutex_};
    if (closed_) return;
    abi::CallStatus status = answer.status;
    std::uint32_t size = 0;
    if (status == abi::CallStatus::kOk && answer.bytes.size() > buffer.size()) {
        status = abi::CallStatus::kNoRoom;
    }
    if (status == abi::CallStatus::kOk && !answer.bytes.empty()) {
        size = static_cast<std::uint32_t>(answer.bytes.size());
        std::memcpy(buffer.data(), answer.bytes.data(), size);
    }
    receiver_.complete(id, status, size);
    published();
}

Result<bool> CallClient::serve() {
    bool any = false;
    for (;;) {
        if (!receiver_.anything()) return any;
        base::CallReceiver::Request request;
        {
            std::lock_guard guard{receiver_mutex_};
            const base::Look look = receiver_.look(request);
            if (look == base::Look::kBroken) return base::Failure{broken()};
            if (look == base::Look::kNothing) return any;
        }
        any = true;
        std::vector<std::byte> arguments(request.arguments.size());
        base::copy_from_shared(arguments.data(), request.arguments);
        const auto perform = [self = shared_from_this(), request, arguments = std::move(arguments)] {
            self->answer(request.id, request.buffer,
                         self->policy_->functions.call(request.function, arguments, request.buffer.size()));
        };
        if (policy_->workers == nullptr) {
            perform();
        } else {
            policy_->workers->perform(perform);
        }
    }
}

// --- Waiting -----------------------------------------------------------------

Result<bool> CallClient::progress() {
    bool any = TRY(serve());
    base::CallSender::Done done;
    for (;;) {
        const base::Look look = sender_.look(done);
        if (look == base::Look::kBroken) return base::Failure{broken()};
        if (look == base::Look::kNothing) return any;
        any = true;
        Answer answer{done.status, std::vector<std::byte>(done.size)};
        sender_.copy_result(done.ticket, answer.bytes);
        sender_.release(done.ticket);
        answers_[done.ticket] = std::move(answer);
    }
}

Result<CallClient::Polled> CallClient::poll(const std::function<bool()>& ready) {
    auto polled = Polled::kNothing;
    int quiet = 0;
    for (int looks = 0; looks < kMostLooks && quiet < kQuietLooks; looks++) {
        if (!anything()) {
            quiet++;
            __builtin_ia32_pause();
            continue;
        }
        quiet = 0;
        if (TRY(progress())) polled = Polled::kSomething;
        if (ready()) return Polled::kReady;
    }
    return polled;
}

Result<void> CallClient::wait_until(const std::function<bool()>& ready) {
    using Clock = std::chrono::steady_clock;
    // The usual case: the answer comes at once.
    if (TRY(poll(ready)) == Polled::kReady) return {};
    auto idle_since = Clock::now();
    const auto begin = idle_since;
    for (;;) {
        // Before the last look: what it published before its end is still taken.
        const bool over = ended();
        const Polled polled = TRY(poll(ready));
        if (polled == Polled::kReady || ready()) return {};
        if (over) return base::Failure{why_ended()};
        const auto now = Clock::now();
        if (polled == Polled::kSomething) idle_since = now;
        if (policy_->patience && now - begin > *policy_->patience) {
            return fail("the enclave does not answer in time", "wait longer or destroy it", kExitTimeout);
        }
        TRY(machine_->check_alive());
        if (now - idle_since < policy_->host_spin) continue;
        machine_->events().wait(
            [&] {
                store(slot_->host_waits, 1);
                full_fence();
                return anything() || ended() || !machine_->running();
            },
            kLongestSleep);
        store(slot_->host_waits, 0);
    }
}

std::string CallClient::last_words() const {
    const std::uint32_t size = std::min({load(slot_->last_words), kMostLastWords, area_size()});
    const auto memory = base::calls_out(reinterpret_cast<std::byte*>(slot_), pages_);
    std::string text(size, '\0');
    base::copy_from_shared(reinterpret_cast<std::byte*>(text.data()), {memory.area, size});
    // It goes to somebody's terminal.
    for (char& c : text) {
        if (c < ' ' || c > '~') c = '?';
    }
    return text;
}

Error CallClient::why_ended() const {
    const auto record = machine_->last_status(handle_);
    if (!record) return Error{"the enclave's status was overwritten", "", kExitFailure};
    const Ending ending = describe_ending(*record);
    const std::string words = last_words();
    std::string cause = "the function ";
    if (!words.empty()) {
        cause += fmt::format("panicked: {}", words);
    } else if (ending.text.empty()) {
        cause += fmt::format("ended by itself with {}", record->code);
    } else {
        cause += ending.text;
    }
    return Error{cause, "", ending.exit_code == 0 ? kExitFailure : ending.exit_code};
}

}  // namespace enclavisor::host
