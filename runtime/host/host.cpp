#include "runtime/host/host.hpp"

#include <errno.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "runtime/host/area_pool.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/signals/outside.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/lasting.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

Lasting<AreaPool> areas;

class KernelWaiter final : public IoWaiter {
public:
    void ring() override { kernel_call(abi::Call::kDoorbell); }
    void wait(std::uint32_t seen, std::uint64_t offset) override {
        note_interrupt(kernel_call(abi::Call::kWaitIo, seen, 0, offset));
    }
    bool interrupted() override {
        const Thread& thread = this_thread();
        bool needs_area = false;
        if (signals_wait_outside()) {
            const Locked locked;
            take_signals_from_outside();
            // A process that was begun now may want the only one.
            needs_area = areas.get().empty() && system().threads.count() > 1;
        }
        return needs_area || thread.has_signal() || thread.was_notified();
    }
    [[noreturn]] void broken(int rule) override { host_broke(rule); }
};

KernelWaiter waiter;

// Changes when an area is given back that somebody waits for.
std::uint32_t area_count;
std::uint32_t waiting_for_area;

// Calls that Linux lets a signal interrupt, since they may take for ever.
constexpr std::uint8_t kMayBlock = 1, kReads = 2, kWrites = 4, kCarries = 8;
constexpr auto kBlocking = [] {
    std::array<std::uint8_t, abi::kForwardedCallCount> table{};
    auto set = [&](C call, std::uint8_t bits) { table[static_cast<std::size_t>(call)] = bits; };
    for (const C call : {C::kRead, C::kPread, C::kRecvfrom, C::kReceiveMessage})
        set(call, kMayBlock | kReads | kCarries);
    for (const C call : {C::kWrite, C::kPwrite, C::kSendto, C::kSendMessage})
        set(call, kMayBlock | kWrites | kCarries);
    set(C::kAccept, kMayBlock | kReads);
    for (const C call : {C::kOpenat, C::kConnect, C::kFlock, C::kPoll, C::kEpollWait, C::kSetTermiosWait}) {
        set(call, kMayBlock);
    }
    return table;
}();

std::uint8_t blocking(C call) {
    return kBlocking[static_cast<std::size_t>(call)];
}

// Calls that only wait, and where their timeout stands; 0: none of these.
std::size_t timeout_argument(C call) {
    return call == C::kPoll ? 2 : call == C::kEpollWait ? 3 : 0;
}

[[gnu::cold]] void wait_for_area() {
    waiting_for_area++;
    while (areas.get().empty()) {
        const std::uint32_t seen = area_count;
        const Unlocked unlocked;
        note_interrupt(kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&area_count), seen, 0));
    }
    waiting_for_area--;
}

[[gnu::cold]] void announce_area() {
    area_count++;
    kernel_call(abi::Call::kWake, reinterpret_cast<std::uint64_t>(&area_count), 1);
}

// The result of a call that was made. -EINTR without having been asked for is an
// interrupt that was meant for the call before: it is made again.
[[gnu::cold, gnu::noinline]] std::int64_t interrupted(IoChannel& channel, Patience patience, C call,
                                                      const Arguments& arguments) {
    constexpr int kMostRepeats = 8;  // beyond that the host is not late but lies
    std::int64_t result = -EINTR;
    for (int i = 0; result == -EINTR && !channel.was_cut_short() && i < kMostRepeats; i++) {
        result = Forwarder{channel, patience}(call, arguments);
    }
    return result == -EINTR && timeout_argument(call) == 0 ? restart_call() : result;
}

// In that area of the pool, which is given back.
[[gnu::always_inline]] inline std::int64_t call_in(IoChannel& channel, Patience patience, C call,
                                                   const Arguments& arguments) {
    std::int64_t result;
    {
        const Unlocked unlocked;
        result = Forwarder{channel, patience}(call, arguments);
        if (result == -EINTR) [[unlikely]]
            result = interrupted(channel, patience, call, arguments);
    }
    areas.get().give_back(channel);
    if (waiting_for_area != 0) [[unlikely]]
        announce_area();
    return result;
}

// In any area. The caller chose the size for the one that was free when it looked.
[[gnu::noinline]] std::int64_t call_in_some_area(C call, Arguments arguments) {
    AreaPool& pool = areas.get();
    if (pool.empty()) wait_for_area();
    IoChannel& channel = pool.take();
    if (channel.index() != 0 && (blocking(call) & kCarries)) {
        arguments[2] = std::min(arguments[2], kMaxFurtherTransfer);
    }
    return call_in(channel, {blocking(call) != 0, pool.only_first_taken()}, call, arguments);
}

// Whether the descriptor of the call is ready for it, as far as can be asked.
[[gnu::cold, gnu::noinline]] bool is_ready(C call, const Arguments& arguments) {
    constexpr timespec kNow{};
    const short wanted = blocking(call) & kReads ? short{POLLIN} : short{POLLOUT};
    pollfd polled{static_cast<int>(arguments[0]), wanted, 0};
    const Arguments poll{reinterpret_cast<std::uint64_t>(&polled), 1, reinterpret_cast<std::uint64_t>(&kNow)};
    return call_in_some_area(C::kPoll, poll) != 0;
}

// If all areas were held by calls that block, nothing could be asked of the host any
// more that would let them go on: while only one is free, the thread looks now and
// then whether `done`. False: the thread has something better to do.
template <typename Done>
bool look_until(Done done) {
    constexpr std::uint64_t kShortest = 1'000'000, kLongest = 16'000'000;
    std::uint64_t pause = kShortest;
    while (areas.get().only_one_left() && !done()) {
        const bool signalled = sleep(system().clock.deadline(pause)) == Slept::kSignal;
        if (signalled || this_thread().was_notified()) return false;
        pause = std::min(2 * pause, kLongest);
    }
    return true;
}

[[gnu::cold]] std::int64_t poll_sparingly(C call, const Arguments& arguments) {
    const std::size_t timeout = timeout_argument(call);
    timespec left{};
    std::uint64_t nanoseconds = ~0ull;
    if (arguments[timeout] != 0)
        to_nanoseconds(*reinterpret_cast<const timespec*>(arguments[timeout]), nanoseconds);
    const std::uint64_t start = system().clock.read(ClockKind::kMonotonic);
    Arguments poll = arguments;
    poll[timeout] = reinterpret_cast<std::uint64_t>(&left);
    std::int64_t result = 0;
    const bool quiet = look_until([&] {
        result = call_in_some_area(call, poll);
        return result != 0 || system().clock.read(ClockKind::kMonotonic) - start >= nanoseconds;
    });
    if (!quiet) return -EINTR;
    const std::uint64_t gone = system().clock.read(ClockKind::kMonotonic) - start;
    if (result != 0 || gone >= nanoseconds) return result;
    // There are areas enough now.
    left = to_timespec(nanoseconds - gone);
    if (arguments[timeout] == 0) poll[timeout] = 0;
    return call_in_some_area(call, poll);
}

[[gnu::noinline]] std::int64_t forward_among_others(C call, const Arguments& arguments) {
    if (areas.get().only_one_left() && system().threads.count() > 1) {
        if (timeout_argument(call) != 0) return poll_sparingly(call, arguments);
        const bool asks = blocking(call) & (kReads | kWrites);
        if (asks && !look_until([&] { return is_ready(call, arguments); })) return restart_call();
    }
    return call_in_some_area(call, arguments);
}

}  // namespace

void start_host(abi::ThreadBlock& block) {
    areas.create(reinterpret_cast<std::byte*>(block.io_address), block.io_size, waiter,
                 *reinterpret_cast<IoCounts*>(&block.runtime[kWordIoCounts]));
}

void host_broke(int rule) {
    end_enclave(abi::EndReason::kHostProtocol, static_cast<std::uint64_t>(rule));
}

std::uint64_t most_transfer() {
    return areas.get().most_bytes();
}

Start read_start() {
    const std::byte* shared = areas.get().first().data();
    abi::StartInfo header;
    std::memcpy(&header, shared, sizeof(header));
    const auto size = claimed_size(header, abi::kIoDataSize);
    if (!size) host_broke(kRuleStartInfo);
    // One copy out of the host's reach, then the checks.
    auto start = parse_start({shared, shared + *size});
    if (!start) host_broke(kRuleStartInfo);
    return std::move(*start);
}

void restart_host() {
    areas.get().restart();
}

std::int64_t forward_call(C call, const Arguments& arguments) {
    AreaPool& pool = areas.get();
    if (!pool.quiet()) [[unlikely]]
        return forward_among_others(call, arguments);
    return call_in(pool.take(), {.interruptible = blocking(call) != 0, .alone = true}, call, arguments);
}

}  // namespace enclavisor::runtime
