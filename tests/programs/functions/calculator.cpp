// A function of many small entry points, for tests.
#include "tests/programs/functions/calculator.hpp"

#include <enclavisor/sdk.hpp>
#include <vector>

using namespace enclavisor;

namespace {

std::int64_t number;       // of the instance
std::int64_t initialised;  // in the template

// Several at once, awaited in another order.
sdk::Task<std::uint64_t> ask_two(std::uint64_t i) {
    auto first = sdk::call_async<std::uint64_t>(tests::kSquare, i);
    auto second = sdk::call_async<std::uint64_t>(tests::kSquare, i + 1);
    const auto b = co_await second;
    const auto a = co_await first;
    co_return a.value() * 1000 + b.value();
}
sdk::Task<std::uint64_t> ask_many(std::uint32_t count) {
    std::vector<sdk::Task<std::uint64_t>> tasks;
    for (std::uint32_t i = 0; i < count; i++) tasks.push_back(ask_two(i));
    std::uint64_t sum = 0;
    for (auto& task : tasks) sum += co_await task;
    co_return sum;
}

// Answered when the host answers, while other calls are answered.
sdk::Task<sdk::Buffer> ask_slowly(base::Bytes text) {
    const auto answer = co_await sdk::call_async<void>(tests::kSlow);
    if (!answer.ok()) co_return sdk::Buffer{};
    co_return sdk::Buffer{text};
}

}  // namespace

ENCLAVISOR_ENTRY(nothing, []() {});
ENCLAVISOR_ENTRY(add, [](int a, int b) { return a + b; });
ENCLAVISOR_ENTRY(store, [](std::int64_t value) { number = value; });
ENCLAVISOR_ENTRY(load, []() { return number; });
ENCLAVISOR_ENTRY(initialised, []() { return initialised; });
ENCLAVISOR_ENTRY(echo, [](base::Bytes bytes) { return sdk::Buffer{bytes}; });
ENCLAVISOR_ENTRY(scale, [](double factor, base::Bytes, std::uint8_t offset) { return factor * 2 + offset; });
ENCLAVISOR_ENTRY(who, []() { return tests::Who{sdk::instance(), sdk::generation()}; });
ENCLAVISOR_ENTRY(random, [](std::uint32_t size) {
    sdk::Buffer bytes{size};
    sdk::random(bytes);
    return bytes;
});
ENCLAVISOR_ENTRY(give_up, []() { sdk::panic("this function gives up"); });
ENCLAVISOR_ENTRY(leave, [](std::uint64_t code) { sdk::exit(code); });
ENCLAVISOR_ENTRY(fault, []() { *reinterpret_cast<volatile int*>(0x20000) = 1; });
ENCLAVISOR_ENTRY(recurse, [](std::uint64_t depth) {
    // The stack is 64 KiB; below it lies nothing.
    volatile char frame[1024];
    for (std::uint64_t i = 0; i < sizeof(frame); i++) frame[i] = static_cast<char>(i);
    static std::uint64_t (*volatile again)(std::uint64_t) = [](std::uint64_t left) -> std::uint64_t {
        volatile char inner[1024];
        inner[0] = static_cast<char>(left);
        inner[1023] = static_cast<char>(left);
        return left == 0 ? 0 : again(left - 1) + static_cast<std::uint64_t>(inner[0] == inner[1023]);
    };
    return again(depth);
});
ENCLAVISOR_ENTRY(heap, [](std::uint64_t bytes) {
    std::uint64_t sum = 0;
    auto* data = new std::uint8_t[bytes];
    for (std::uint64_t i = 0; i < bytes; i += 4096) data[i] = static_cast<std::uint8_t>(i >> 12);
    for (std::uint64_t i = 0; i < bytes; i += 4096) sum += data[i];
    delete[] data;
    return sum;
});
ENCLAVISOR_ENTRY(pages, [](std::uint64_t count) {
    const auto pages = sdk::map_pages(count);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < pages.size(); i += 4096) sum += static_cast<std::uint8_t>(pages[i]);
    if (!pages.empty()) pages[0] = std::byte{1};
    sdk::unmap_pages(pages);
    return pages.size() + sum;
});

// Calls out.
ENCLAVISOR_ENTRY(ask_sum, [](int a, int b) { return sdk::call_out<int>(tests::kSum, a, b).value(); });
ENCLAVISOR_ENTRY(ask_status, [](std::uint32_t function, std::uint64_t argument) {
    const auto answer = sdk::call_out<std::uint32_t>(function, argument);
    return answer.ok() ? ~0u : static_cast<std::uint32_t>(answer.error());
});
ENCLAVISOR_ENTRY(ask_reverse, [](base::Bytes text) {
    auto answer = sdk::call_out_bytes(tests::kReverse, text.size(), text);
    return answer.ok() ? answer.take() : sdk::Buffer{};
});
ENCLAVISOR_ENTRY(ask_many, [](std::uint32_t count) { return ask_many(count); });
ENCLAVISOR_ENTRY(ask_slowly, [](base::Bytes text) { return ask_slowly(text); });

extern "C" void enclavisor_main() {
    initialised = sdk::generation() == 0 ? 17 : -1;
    // The test says on its own terms whether this becomes a template.
    const auto alone = sdk::call_out<std::uint32_t>(tests::kAlone);
    if (alone.ok() && alone.value() == 1) sdk::serve();
    sdk::ready();
    initialised += 1000;
}
