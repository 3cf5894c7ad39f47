// Bytes become a hypervisor: what it leaves in the MSR and in the page after each exit, and what
// PVALIDATE answers; and a CPUID page. Whatever it says, calls end, touch nothing but the page, and
// no frame is validated twice.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>

#include "kernel/platform/accepted.hpp"
#include "kernel/platform/cpuid_page.hpp"
#include "kernel/platform/ghcb.hpp"

namespace enclavisor::kernel::testing {
namespace {

struct {
    const std::uint8_t* data;
    std::size_t size;
    std::uint64_t msr;
    alignas(4096) abi::Ghcb page;
    std::set<std::uint64_t> validated;
} state;

std::uint64_t take(std::size_t bytes) {
    std::uint64_t value = 0;
    const std::size_t n = bytes < state.size ? bytes : state.size;
    std::memcpy(&value, state.data, n);
    state.data += n;
    state.size -= n;
    return value;
}

// The honest answer to most, then some words changed.
void exit() {
    if (state.msr & 0xfff) {
        state.msr = take(1) & 1 ? take(8) : state.msr + 1;
        return;
    }
    state.page.exit_info_1 = state.page.exit_info_2 = 0;
    state.page.valid_bitmap[0] = state.page.valid_bitmap[1] = ~0ull;
    abi::PageStateHeader header;
    std::memcpy(&header, state.page.shared_buffer, sizeof(header));
    header.current = static_cast<std::uint16_t>(header.last + 1);
    std::memcpy(state.page.shared_buffer, &header, sizeof(header));
    for (std::uint64_t changes = take(1) % 4; changes > 0; changes--) {
        constexpr std::size_t kOften[] = {0x1f8, 0x390, 0x398, 0x3a0, 0x3f0, 0x3f8, 0x800, 0x808};
        const std::uint64_t which = take(1);
        const std::size_t at = which < 8 ? kOften[which] : take(2) % (sizeof(abi::Ghcb) - 8);
        const std::uint64_t value = take(8);
        std::memcpy(reinterpret_cast<char*>(&state.page) + at, &value, 8);
    }
}

PvalidateResult pvalidate(PhysAddr at, bool large, bool) {
    const std::uint64_t choice = take(1);
    const PvalidateResult result{choice < 32 ? static_cast<std::uint32_t>(choice % 8) : 0, choice == 255};
    if (result.code != 0 || result.unchanged) return result;
    for (std::uint64_t i = 0; i < (large ? 512u : 1u); i++) {
        if (!state.validated.insert((at.value >> 12) + i).second) std::abort();
    }
    return result;
}

constexpr GhcbInstructions kInstructions{[](std::uint64_t value) { state.msr = value; },
                                         [] { return state.msr; }, exit};

void fuzz_cpuid() {
    abi::CpuidPage page{};
    const std::size_t size = state.size < sizeof(page) ? state.size : sizeof(page);
    std::memcpy(&page, state.data, size);
    if (CpuidTable::fault(page) != nullptr) return;
    const CpuidTable table{page};
    const unsigned c_bit = table.c_bit();
    if (c_bit != 0 && (c_bit < 32 || c_bit > 51)) std::abort();
    for (std::uint32_t i = 0; i < page.count; i++) table.find(page.entries[i].leaf, i, ~0ull >> i, i);
}

void fuzz_channel() {
    GhcbChannel channel{kInstructions, HostPtr<abi::Ghcb>{reinterpret_cast<std::uint64_t>(&state.page)},
                        PhysAddr{0x7000}};
    AcceptedMemory memory{pvalidate};
    for (int calls = 0; calls < 64 && state.size > 0; calls++) {
        CpuidValues values;
        std::uint32_t word;
        std::uint64_t value;
        switch (take(1) % 12) {
            case 0:
                channel.negotiate(51);
                break;
            case 1:
                channel.require(3);
                break;
            case 2:
                channel.register_page();
                break;
            case 3:
                channel.cpuid_early(1, values);
                break;
            case 4:
                channel.cpuid(static_cast<std::uint32_t>(take(4)), 0, 7, values);
                break;
            case 5:
                if (channel.port_in(0x71, 1, word) == GhcbRefusal::kNone && word > 0xff) std::abort();
                break;
            case 6:
                channel.read_msr(0x1b, value);
                break;
            case 7:
                channel.mmio_read32(PhysAddr{0xf000'0000}, word);
                break;
            case 8:
                channel.guest_request(PhysAddr{0x1000}, PhysAddr{0x2000}, value);
                break;
            case 9:
                channel.create_cpu(1, PhysAddr{0x9000}, 1);
                break;
            default: {
                const std::uint64_t begin = take(2) & 0x1fff;
                const std::uint64_t end = begin + (take(2) & 0x7ff);
                const bool whole = memory.accept(channel, begin, end) == GhcbRefusal::kNone;
                if (whole && end > begin && !(memory.accepted(begin) && memory.accepted(end - 1)))
                    std::abort();
            }
        }
    }
}

}  // namespace
}  // namespace enclavisor::kernel::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace enclavisor::kernel::testing;
    state.data = data;
    state.size = size;
    state.msr = 0;
    state.page = {};
    state.validated.clear();
    if (take(1) & 1) {
        fuzz_cpuid();
    } else {
        fuzz_channel();
    }
    return 0;
}
