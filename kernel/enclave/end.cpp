// The end of an enclave, from the first moment to the last frame.
#include <cstddef>

#include "kernel/arch/flush.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/enclave/fork.hpp"
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
                  .pages = enclave.used,
                  .ticks = enclave.ticks});
    publish_fence();
    state.write(static_cast<std::uint32_t>(enclave.state));
    publish_fence();
    kernel.link.count_event();
    const bool awaited =
        enclave.state == abi::EnclaveState::kStopped || enclave.state == abi::EnclaveState::kTemplate;
    if (awaited && kernel.link.host_waits()) ring_doorbell();
}

void end_enclave(Kernel& kernel, Enclave& enclave, const End& end) {
    // Its code and its requests are the kernel's own; it has no hostile input.
    check(!kernel.attestation.is(enclave), "the attestation enclave ended");
    for (Thread* t = enclave.threads.first(); t != nullptr; t = ThreadList::next(t))
        kernel.scheduler.forget(t);
    forget_running(enclave);
    if (enclave.place) kernel.attestation.give_back(*enclave.place);
    enclave.place.reset();
    enclave.state = abi::EnclaveState::kStopped;
    if (!enclave.background.linked) kernel.background.push_back(&enclave);
    publish_status(kernel, enclave, end);
}

namespace {

// True when all of the ended enclave's memory is back.
bool take_apart(Kernel& kernel, Enclave& enclave, std::uint64_t budget) {
    if (!free_spaces(enclave, budget)) return false;
    // Ended while it was being frozen: whose a page is, is only clear at the end.
    Space* only = enclave.spaces.first();
    if (only != nullptr && only->tables.is_freezing() && !only->tables.freeze(budget)) return false;
    // One object a step: others may have it mapped.
    if (!enclave.objects.empty()) {
        close_object(kernel, *enclave.objects.first());
        return false;
    }
    while (Mapping* mapping = enclave.mappings.pop_front()) mapping->enclave = nullptr;
    while (!enclave.threads.empty()) destroy_thread(enclave, enclave.threads.first());
    while (!enclave.spaces.empty()) drop_space(kernel, *enclave.spaces.first());
    if (!free_spaces(enclave, budget)) return false;
    check(enclave.used == 0, "an ended enclave still owns frames");
    return true;
}

}  // namespace

void work_in_background(Kernel& kernel, std::uint64_t budget) {
    Enclave* enclave = kernel.background.first();
    if (enclave == nullptr) return;
    if (enclave->state == abi::EnclaveState::kFreezing) {
        if (continue_freeze(kernel, *enclave, budget)) kernel.background.remove(enclave);
        return;
    }
    if (enclave->state != abi::EnclaveState::kStopped) {
        // Others get their turn: this one may make and leave spaces without end.
        kernel.background.remove(enclave);
        if (!free_spaces(*enclave, budget)) kernel.background.push_back(enclave);
        return;
    }
    if (!take_apart(kernel, *enclave, budget)) return;
    kernel.background.remove(enclave);
    if (enclave->abandoned) {
        kernel.enclaves.remove(kernel.frames, enclave);
        return;
    }
    enclave->torn_down = true;
    kernel.control.poll(kernel);  // a kDestroy may wait for this
}

}  // namespace enclavisor::kernel
