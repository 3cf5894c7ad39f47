// Kernel calls (abi/enclave/calls.hpp). A call that breaks its contract ends
// the enclave.
#include "abi/enclave/calls.hpp"

#include "kernel/arch/per_cpu.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/call/answer.hpp"

namespace enclavisor::kernel {
namespace {

using abi::Call;

bool call_exit(Kernel& kernel, Enclave& enclave, const abi::Registers& r) {
    const auto reason = static_cast<abi::EndReason>(r.rdi);
    switch (reason) {
        case abi::EndReason::kExited:
        case abi::EndReason::kFault:
        case abi::EndReason::kHostProtocol:
        case abi::EndReason::kSignal:
            end_enclave(kernel, enclave,
                        {.reason = reason, .code = r.rsi, .detail = r.rdx, .address = r.r10, .rip = r.rip});
            return true;
        default:
            return false;
    }
}

}  // namespace

extern "C" [[noreturn]] void on_kernel_call(abi::Registers* registers) {
    Kernel& kernel = lock_kernel();
    Thread* thread = this_cpu().current;
    if (thread == nullptr) leave(kernel);  // another vCPU ended its enclave meanwhile
    Enclave& enclave = *thread->enclave;
    abi::Registers& r = *registers;
    thread->sysret_suffices = r.rip < abi::kEnclaveEnd;
    Answer answer;
    switch (static_cast<Call>(r.rax)) {
        case Call::kNothing:
            answer = 0;
            break;
        case Call::kMap:
        case Call::kUnmap:
        case Call::kProtect:
        case Call::kDiscard:
            answer = call_memory(*thread->space, static_cast<Call>(r.rax), r);
            break;
        case Call::kMove:
            answer = call_move(*thread->space, r);
            break;
        case Call::kWaitIo:
            answer = call_wait_io(kernel, thread, r);
            break;
        case Call::kDoorbell:
            ring_doorbell();
            answer = 0;
            break;
        case Call::kYield:
            r.rax = 0;
            leave_to_next(kernel);
        case Call::kWait:
            answer = call_wait(kernel, thread, r);
            break;
        case Call::kWake:
            answer = call_wake(kernel, thread, r);
            break;
        case Call::kResume:
            if (call_resume(thread)) leave(kernel);
            break;
        case Call::kExit:
            if (call_exit(kernel, enclave, r)) leave(kernel);
            break;
        case Call::kAttestNext:
            if (kernel.attestation.is(enclave)) {
                kernel.attestation.next(kernel, thread);
                leave(kernel);
            }
            break;
        case Call::kGuestRequest:
            if (kernel.attestation.is(enclave))
                answer = kernel.attestation.ask_processor() ? 0 : error(abi::CallError::kNotFound);
            break;
        case Call::kCreateThread:
            answer = call_create_thread(kernel, thread, r);
            break;
        case Call::kExitThread:
            call_exit_thread(kernel, thread, r);
            leave(kernel);
        case Call::kFreeze:
            answer = call_freeze(kernel, thread, r);
            if (enclave.state == abi::EnclaveState::kFreezing) leave(kernel);
            break;
        case Call::kCreateObject:
            answer = call_create_object(kernel, enclave, r);
            break;
        case Call::kGrantObject:
            answer = call_grant_object(kernel, thread, r);
            break;
        case Call::kMapObject:
            answer = call_map_object(kernel, *thread->space, r);
            break;
        case Call::kRevokeObject:
            answer = call_revoke_object(kernel, enclave, r);
            break;
        case Call::kCloseObject:
            answer = call_close_object(kernel, enclave, r);
            break;
        case Call::kIdentify:
            answer = call_identify(kernel, thread, r);
            break;
        case Call::kInterrupt:
            answer = call_interrupt(kernel, thread, r);
            break;
        case Call::kForkSpace:
            answer = call_fork_space(thread);
            break;
        case Call::kCopySpace:
            answer = call_copy_space(*thread->space, r);
            break;
        case Call::kEnterSpace:
            answer = call_enter_space(kernel, thread, r);
            break;
        case Call::kDropSpace:
            answer = call_drop_space(kernel, enclave, r);
            break;
        case Call::kShare:
            answer = call_share(*thread->space, r);
            break;
    }
    if (!answer) {
        end_enclave(kernel, enclave,
                    {.reason = abi::EndReason::kBadCall,
                     .code = r.rax,
                     .detail = r.rdi,
                     .address = r.rsi,
                     .rip = r.rip});
        leave(kernel);
    }
    r.rax = static_cast<std::uint64_t>(*answer);
    leave(kernel);
}

}  // namespace enclavisor::kernel
