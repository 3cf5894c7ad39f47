// The end of an enclave, from the first moment to the last frame.
#include <cstddef>

#include "kernel/arch/cpu.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/enclave/threads.hpp"
#include "kernel/kernel.hpp"
#include "kernel/panic.hpp"

namespace enclavisor::kernel {

void publish_status(Kernel& kernel, const Enclave& enclave, const End& end) {
    // The state goes last: who sees it sees all of the record.
    const auto record = kernel.link.status(abi::slot_of(enclave.handle));
    const auto state = record.member<std::uint32_t>(offsetof(abi::EnclaveStatus, state));
    record.write({.handle = enclave.handle,
                  .state = static_cast<std::uint32_t>(abi::EnclaveState::kFree),
                  .reason = static_cast<std::uint32_t>(end.reason),
                  .code = end.code,
                  .detail = end.detail,
                  .address = end.address,
                  .rip = end.rip,
                  .pages = enclave.used});
    publish_fence();
    state.write(static_cast<std::uint32_t>(enclave.state));
    publish_fence();
    kernel.link.count_event();
    if (enclave.state == abi::EnclaveState::kStopped && kernel.link.host_waits()) ring_doorbell();
}

void end_enclave(Kernel& kernel, Enclave& enclave, const End& end) {
    // Its code and its requests are the kernel's own; it has no hostile input.
    check(!kernel.attestation.is(enclave), "the attestation enclave ended");
    PerCpu& cpu = this_cpu();
    for (Thread* t = enclave.threads.first(); t != nullptr; t = ThreadList::next(t)) {
        kernel.scheduler.forget(t);
        if (cpu.current == t) cpu.current = nullptr;
        if (cpu.loaded == t) cpu.loaded = nullptr;
    }
    if (cpu.address_space == Entry::cr3(enclave.tables.root())) {
        cpu.address_space = kernel_cr3();
        arch::write_cr3(cpu.address_space);
    }
    if (enclave.place) kernel.attestation.give_back(*enclave.place);
    enclave.place.reset();
    enclave.state = abi::EnclaveState::kStopped;
    kernel.reaping.push_back(&enclave);
    publish_status(kernel, enclave, end);
}

void reap(Kernel& kernel, std::uint64_t budget) {
    Enclave* enclave = kernel.reaping.first();
    if (enclave == nullptr || !enclave->tables.tear_down(budget)) return;
    while (!enclave->threads.empty()) destroy_thread(*enclave, enclave->threads.first());
    check(enclave->used == 0, "an ended enclave still owns frames");
    kernel.reaping.remove(enclave);
    enclave->torn_down = true;
    kernel.control.poll(kernel);  // a kDestroy may wait for this
}

}  // namespace enclavisor::kernel
