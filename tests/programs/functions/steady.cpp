// A function that survives every argument: what ends it is a broken protocol.
#include "tests/programs/functions/steady.hpp"

#include <enclavisor/sdk.hpp>

using namespace enclavisor;

namespace {

std::uint64_t rounds;

sdk::Task<std::uint64_t> twice(std::uint64_t value) {
    auto first = sdk::call_async<std::uint64_t>(tests::kDouble, value);
    auto second = sdk::call_async<std::uint64_t>(tests::kDouble, value + 1);
    const auto b = co_await second;
    const auto a = co_await first;
    co_return (a.ok() ? a.value() : 0) + (b.ok() ? b.value() : 0);
}

}  // namespace

ENCLAVISOR_ENTRY(nothing, []() {});
ENCLAVISOR_ENTRY(count, []() { return ++rounds; });
ENCLAVISOR_ENTRY(echo, [](base::Bytes bytes) { return sdk::Buffer{bytes}; });
ENCLAVISOR_ENTRY(ask, [](std::uint64_t value) {
    const auto answer = sdk::call_out<std::uint64_t>(tests::kDouble, value);
    return answer.ok() ? answer.value() : 0;
});
ENCLAVISOR_ENTRY(ask_bytes, [](base::Bytes bytes) {
    auto answer = sdk::call_out_bytes(tests::kDouble, 64, bytes);
    return answer.ok() ? answer.take() : sdk::Buffer{};
});
ENCLAVISOR_ENTRY(ask_twice, [](std::uint64_t value) { return twice(value); });
ENCLAVISOR_ENTRY(ask_often, [](std::uint32_t times) {
    std::uint32_t right = 0;
    for (std::uint32_t i = 0; i < times; i++) {
        right += sdk::call_out<void>(tests::kNothing).ok();
    }
    return right;
});
// What one call in takes here: calls that follow each other without waiting.
ENCLAVISOR_ENTRY(stamp, []() { return __builtin_ia32_rdtsc(); });
// What one call out takes here, the answer being there when it is looked for.
ENCLAVISOR_ENTRY(cost_of_asking, []() {
    const std::uint64_t begin = __builtin_ia32_rdtsc();
    auto call = sdk::call_async<void>(tests::kNothing);
    const std::uint64_t submitted = __builtin_ia32_rdtsc();
    for (int i = 0; i < 50'000; i++) __builtin_ia32_pause();
    const std::uint64_t answered = __builtin_ia32_rdtsc();
    const bool right = call.get().ok();
    const std::uint64_t end = __builtin_ia32_rdtsc();
    return right ? (end - answered) + (submitted - begin) : ~std::uint64_t{0};
});
// The least that a round trip through shared memory can be.
ENCLAVISOR_ENTRY(bounce, [](std::uint32_t times) {
    const auto& block = sdk::thread_block();
    auto& words = *reinterpret_cast<tests::Bounce*>(block.io_address + block.io_size - abi::kPageSize);
    for (std::uint32_t i = 1; i <= times; i++) {
        while (base::load_shared(words.to_enclave) != i) __builtin_ia32_pause();
        base::store_shared(words.to_host, i);
    }
});
