// Bytes become a sequence of what a hostile host and hostile enclaves can do;
// the kernel must keep its invariants and give back every frame.
#include <cstddef>
#include <cstdint>

#include "kernel/testing/machine.hpp"

namespace enclavisor::kernel::testing {
namespace {

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_{data}, size_{size} {}
    bool done() const { return size_ == 0; }
    std::uint8_t byte() {
        if (size_ == 0) return 0;
        size_--;
        return *data_++;
    }
    std::uint64_t word() {
        std::uint64_t value = 0;
        for (int i = 0; i < 8; i++) value = value << 8 | byte();
        return value;
    }
    // Mostly numbers at which something happens.
    std::uint64_t number(std::uint64_t handle) {
        constexpr std::uint64_t kInteresting[] = {0,
                                                  1,
                                                  2,
                                                  3,
                                                  4,
                                                  5,
                                                  7,
                                                  16,
                                                  65,
                                                  512,
                                                  513,
                                                  4096,
                                                  0x10000,
                                                  0x400000,
                                                  0x401000,
                                                  0x500000,
                                                  0x501000,
                                                  0x600000,
                                                  0x40000000,
                                                  0x80000000,
                                                  abi::kIoPoolOffset,
                                                  abi::kIoPoolOffset + 0x1000,
                                                  abi::kControlDataSize,
                                                  abi::kThreadBlockBase,
                                                  abi::kThreadBlockBase + 4096,
                                                  abi::kThreadBlockBase + 8192,
                                                  abi::kCommonBegin,
                                                  abi::kCommonEnd - 4096,
                                                  abi::kCommonEnd,
                                                  abi::kIoAreaBase,
                                                  abi::kIoAreaBase + 0x1000,
                                                  abi::kEnclaveBegin,
                                                  abi::kEnclaveEnd,
                                                  abi::kEnclaveEnd - 4096,
                                                  1ull << 32,
                                                  1ull << 39,
                                                  1ull << 47,
                                                  0xffff800000000000,
                                                  0xffffffff80200000,
                                                  ~0ull,
                                                  ~0ull << 12,
                                                  1ull << 63};
        const std::uint8_t choice = byte();
        if (choice < 40) return handle;
        if (choice >= 250) return word();
        return kInteresting[choice % (sizeof(kInteresting) / sizeof(kInteresting[0]))];
    }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

}  // namespace

void run_sequence(const std::uint8_t* data, std::size_t size) {
    static FakeMachine* machine = nullptr;
    delete machine;
    machine = new FakeMachine{512};
    Input in{data, size};
    std::uint64_t handles[4] = {machine->start_enclave(), machine->start_enclave(), 0, 0};
    while (!in.done()) {
        const std::uint64_t handle = handles[in.byte() % 4];
        switch (in.byte() % 8) {
            case 0:
            case 1: {
                const auto which = static_cast<abi::Command>(in.byte() % (abi::kCommandCount + 2));
                std::vector<std::uint64_t> arguments{handle};
                if (which == abi::Command::kCreate) arguments = {in.number(16)};
                for (int i = 0; i < 6; i++) arguments.push_back(in.number(handle));
                const auto completion = machine->command(which, arguments);
                const bool creates = which == abi::Command::kCreate || which == abi::Command::kFork;
                if (creates && completion.status == 0) handles[in.byte() % 4] = completion.values[0];
                break;
            }
            case 2:
                handles[in.byte() % 4] = machine->start_enclave(in.byte());
                break;
            case 3:
            case 4:
            case 5: {
                const std::uint64_t a = in.number(handle), b = in.number(handle), c = in.number(handle),
                                    d = in.number(handle);
                machine->call(in.byte() % (abi::kCallCount + 2), a, b, c, d);
                break;
            }
            case 6: {
                const std::uint64_t address = in.number(handle);
                machine->trap(in.byte() % 4 ? 14 : in.byte() % 32, in.byte(), address);
                break;
            }
            case 7:
                if (in.byte() % 4) {
                    machine->schedule();
                } else {
                    machine->scribble(in.number(handle), in.word());
                }
                break;
        }
        machine->check_invariants();
    }
    if (!machine->all_frames_return()) __builtin_trap();
}

}  // namespace enclavisor::kernel::testing

#ifdef ENCLAVISOR_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    enclavisor::kernel::testing::run_sequence(data, size);
    return 0;
}
#endif
