#include "tests/support/round_trips.hpp"

#include <algorithm>
#include <chrono>

#include "host/lib/shared_word.hpp"
#include "tests/programs/functions/steady.hpp"

namespace enclavisor::tests {
namespace {

using Clock = std::chrono::steady_clock;

// Nanoseconds each of `times` since `begin`.
double each(Clock::time_point begin, std::uint32_t times) {
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / times;
}

}  // namespace

host::Result<RoundTrips> RoundTrips::begin(host::Machine& machine, const std::filesystem::path& programs,
                                           std::function<void()> nothing) {
    constexpr std::uint32_t kInstances = 2;  // slots 0 to 2; the words that bounce lie in the last one
    host::FunctionOptions options;
    options.instances = kInstances;
    options.calls.enclave_spin = abi::kMaxSpin;
    options.calls.host_spin = std::chrono::seconds{1};
    options.calls.patience = std::chrono::seconds{60};
    options.calls.functions.on(kNothing, [nothing = std::move(nothing)] { nothing(); });
    auto function = TRY(host::FunctionTemplate::load(machine, programs / "steady", options));
    auto instance = TRY(function.fork());
    // The window of the only function in the link is the first in its pool.
    std::byte* window = machine.link().bytes().data() + abi::kIoPoolOffset;
    return RoundTrips{std::move(function), std::move(instance), window + kInstances * abi::kPageSize};
}

RoundTrips::RoundTrips(host::FunctionTemplate function, host::Instance instance, std::byte* words)
    : function_{std::move(function)},
      instance_{std::move(instance)},
      words_{words},
      bounce_{function_.entry("bounce").value()},
      nothing_{function_.entry("nothing").value()},
      ask_often_{function_.entry("ask_often").value()} {}

host::Result<void> RoundTrips::run(std::uint32_t times) {
    auto& words = *reinterpret_cast<Bounce*>(words_);
    words = {};
    const auto bouncing = TRY(instance_.begin<void>(bounce_, times + 1));
    const auto round_trip = [&words](std::uint32_t i) {
        host::store(words.to_enclave, i);
        while (host::load(words.to_host) != i) __builtin_ia32_pause();
    };
    round_trip(1);
    auto begin = Clock::now();
    for (std::uint32_t i = 2; i <= times + 1; i++) round_trip(i);
    bare = std::min(bare, each(begin, times));
    TRY(instance_.end<void>(bouncing));

    begin = Clock::now();
    for (std::uint32_t i = 0; i < times; i++) TRY(instance_.call<void>(nothing_));
    call_in = std::min(call_in, each(begin, times));

    begin = Clock::now();
    const std::uint32_t right = TRY(instance_.call<std::uint32_t>(ask_often_, times));
    call_out = std::min(call_out, each(begin, times));
    if (right != times) return host::fail("a call out failed");
    return {};
}

}  // namespace enclavisor::tests
