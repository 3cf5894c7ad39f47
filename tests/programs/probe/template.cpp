// An enclave for tests and benchmarks of templates: touches a heap, freezes, and
// in each instance answers requests from its slot, sleeping in between.
#include "tests/programs/probe/template.hpp"

#include "tests/programs/probe/bare.hpp"

namespace {

using namespace enclavisor;
using namespace tests::bare;
using tests::ProbeOperation;
using tests::ProbeSlot;

constexpr std::uint64_t kHeap = 0x4000'0000;

volatile std::uint64_t& heap_word(std::uint64_t page) {
    return *reinterpret_cast<volatile std::uint64_t*>(kHeap + page * abi::kPageSize);
}

void serve(volatile ProbeSlot& slot, std::uint64_t slot_offset, std::uint64_t heap_pages) {
    for (std::uint32_t seen = 0;;) {
        while (slot.request == seen) kernel_call(abi::Call::kWaitIo, seen, 0, slot_offset, abi::kWaitQuiet);
        const std::uint64_t page = slot.page;
        if (page >= heap_pages) end(2);
        switch (static_cast<ProbeOperation>(slot.operation)) {
            case ProbeOperation::kWrite:
                heap_word(page) = slot.value;
                break;
            case ProbeOperation::kRead:
                slot.result = heap_word(page);
                break;
            case ProbeOperation::kFrequency:
                slot.result = block().tsc_khz;
                break;
            case ProbeOperation::kEnd:
                end(42);
            default:
                break;
        }
        seen++;
        slot.done = seen;
    }
}

}  // namespace

extern "C" [[noreturn]] void probe_main() {
    const std::uint64_t window = block().io_address;
    const auto& start = *reinterpret_cast<volatile tests::ProbeStart*>(window + tests::kProbeStart);
    const std::uint64_t pages = start.heap_pages;
    for (std::uint64_t done = 0; done < pages;) {
        const std::int64_t step = kernel_call(abi::Call::kMap, kHeap + done * abi::kPageSize, pages - done,
                                              abi::kRead | abi::kWrite);
        if (step <= 0) end(1);
        done += static_cast<std::uint64_t>(step);
    }
    for (std::uint64_t i = 0; i < pages; i++) heap_word(i) = i + 1;

    const Instance instance = start.parked != 0 ? freeze(offsetof(ProbeSlot, request)) : freeze();
    auto& slot = *reinterpret_cast<volatile ProbeSlot*>(window + instance.slot);
    slot.first_tsc = instance.tsc;
    slot.instance = instance.handle;
    slot.random = instance.random;
    serve(slot, instance.slot, pages);
    end(3);
}

BARE_START(probe_main);
