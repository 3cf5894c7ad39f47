// Templates of tests/programs/probe/template.cpp and their instances, by control
// commands only.
#pragma once

#include <cstdint>
#include <cstring>
#include <thread>

#include "host/lib/shared_word.hpp"
#include "tests/programs/probe/template.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {

// A bare program that has frozen itself; its instances are the caller's.
class FrozenEnclave {
public:
    // `prepare` fills the I/O window before it starts. Throws if it does not become a
    // template.
    template <typename Prepare>
    FrozenEnclave(host::Machine& machine, const NativeImage& image, const NativeOptions& options,
                  Prepare prepare)
        : machine_{machine}, enclave_{create(machine, image, options)} {
        prepare(window());
        if (!enclave_.start().ok()) throw std::runtime_error{"the enclave does not start"};
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{120};
        while (!machine.is(enclave_.handle(), abi::EnclaveState::kTemplate)) {
            if (std::chrono::steady_clock::now() > end ||
                machine.is(enclave_.handle(), abi::EnclaveState::kStopped))
                throw std::runtime_error{"the enclave does not freeze"};
            std::this_thread::sleep_for(std::chrono::microseconds{200});
        }
    }
    FrozenEnclave(host::Machine& machine, const NativeImage& image, const NativeOptions& options)
        : FrozenEnclave{machine, image, options, [](std::byte*) {}} {}

    // `offset`: of the instance's part of the I/O window.
    host::Result<host::ControlValues> fork(std::uint64_t offset) {
        return machine_.control().call(abi::Command::kFork, {enclave_.handle(), area() + offset});
    }
    std::byte* window() { return enclave_.io_data().data() - abi::kIoDataOffset; }
    NativeEnclave& enclave() { return enclave_; }

private:
    static NativeEnclave create(host::Machine& machine, const NativeImage& image,
                                const NativeOptions& options) {
        auto created = NativeEnclave::create(machine, image, options);
        if (!created.ok()) throw std::runtime_error{created.error().text()};
        return created.take();
    }
    std::uint64_t area() { return static_cast<std::uint64_t>(window() - machine_.link().bytes().data()); }

    host::Machine& machine_;
    NativeEnclave enclave_;
};

class Probe {
public:
    // `parked`: instances do not run before their first call.
    Probe(host::Machine& machine, std::uint64_t heap_pages, std::uint64_t tenant = 0, bool parked = false)
        : machine_{machine},
          frozen_{machine,
                  NativeImage{(programs_dir() / "template_probe").string()},
                  {.memory_limit_pages = heap_pages + heap_pages / 256 + 64, .tenant = tenant},
                  [&](std::byte* window) {
                      const ProbeStart start{heap_pages, parked};
                      std::memcpy(window + kProbeStart, &start, sizeof(start));
                  }} {}

    struct Instance {
        std::uint64_t handle = 0;
        std::uint64_t taken_tsc = 0;  // when the kernel took the command
        volatile ProbeSlot* slot = nullptr;
    };

    // `number` chooses the slot, of kSlots.
    static constexpr std::uint64_t kSlots = (abi::kIoAreaPages - 2) * abi::kPageSize / sizeof(ProbeSlot);
    host::Result<Instance> fork(std::uint64_t number) {
        const std::uint64_t offset = kProbeSlots + number * sizeof(ProbeSlot);
        auto* slot = reinterpret_cast<volatile ProbeSlot*>(frozen_.window() + offset);
        std::memset(const_cast<ProbeSlot*>(slot), 0, sizeof(ProbeSlot));
        const auto values = TRY(frozen_.fork(offset));
        return Instance{values[0], values[1], slot};
    }

    // Has the instance carry out an operation. False: it does not answer.
    bool call(const Instance& instance, ProbeOperation operation, std::uint64_t page,
              std::uint64_t value = 0) {
        volatile ProbeSlot& slot = *instance.slot;
        slot.operation = static_cast<std::uint32_t>(operation);
        slot.page = page;
        slot.value = value;
        host::full_fence();
        slot.request = slot.request + 1;
        if (!machine_.control().call(abi::Command::kNotify, {instance.handle}).ok()) return false;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (slot.done != slot.request) {
            if (std::chrono::steady_clock::now() > end) return false;
            __builtin_ia32_pause();
        }
        return true;
    }

    host::Result<void> destroy(const Instance& instance) {
        (void)machine_.control().call(abi::Command::kStop, {instance.handle});  // it may have ended
        TRY(machine_.control().call(abi::Command::kDestroy, {instance.handle}));
        return {};
    }

    NativeEnclave& enclave() { return frozen_.enclave(); }

private:
    host::Machine& machine_;
    FrozenEnclave frozen_;
};

}  // namespace enclavisor::tests
