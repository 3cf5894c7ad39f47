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
        const auto answer = sdk::call_out<std::uint64_t>(tests::kDouble, std::uint64_t{i});
        right += answer.ok() && answer.value() == 2 * std::uint64_t{i};
    }
    return right;
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
