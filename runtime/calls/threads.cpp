// Threads: their ends, their numbers, what is theirs.
#include <linux/capability.h>
#include <linux/futex.h>
#include <sys/prctl.h>

#include <cstring>

#include "runtime/calls/call.hpp"
#include "runtime/processes/end.hpp"
#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {
namespace {

std::int64_t sys_exit(int status) {
    exit_thread(status);
}

std::int64_t sys_exit_group(int status) {
    exit_process(exit_status(status));
}

std::int64_t sys_gettid(Frame*) {
    return this_thread().id;
}
std::int64_t sys_set_tid_address(std::uint64_t address) {
    this_thread().clear_child_id = address;
    return this_thread().id;
}

std::int64_t sys_arch_prctl(int code, std::uint64_t value) {
    constexpr int kSetGs = 0x1001, kSetFs = 0x1002, kGetFs = 0x1003, kGetGs = 0x1004;
    switch (code) {
        case kSetFs:
            if (value >= abi::kEnclaveEnd) return -EPERM;
            asm volatile("wrfsbase %0" ::"r"(value));
            return 0;
        case kGetFs: {
            std::uint64_t base;
            asm volatile("rdfsbase %0" : "=r"(base));
            return put(value, base);
        }
        case kGetGs:
            return put(value, std::uint64_t{0});
        case kSetGs:
            return -EPERM;  // the runtime's
        default:
            return -EINVAL;
    }
}

std::int64_t sys_prctl(int option, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
    Process& self = process();
    switch (option) {
        case PR_SET_NAME: {
            char name[16];
            const long size = guarded_string(name, reinterpret_cast<const char*>(a), sizeof(name) - 1);
            if (size < 0) return -EFAULT;
            this_thread().name.assign(name, static_cast<std::size_t>(size));
            return 0;
        }
        case PR_GET_NAME: {
            char name[16]{};
            const std::string& present = this_thread().name;
            std::memcpy(name, present.data(), std::min<std::size_t>(present.size(), 15));
            return put(a, name);
        }
        case PR_GET_DUMPABLE:
            return self.dumpable;
        case PR_SET_DUMPABLE:
            if (a > 1) return -EINVAL;
            self.dumpable = a != 0;
            return 0;
        case PR_SET_NO_NEW_PRIVS:
            if (a != 1 || b != 0 || c != 0 || d != 0) return -EINVAL;
            self.no_new_privileges = true;
            return 0;
        case PR_GET_NO_NEW_PRIVS:
            return (a | b | c | d) != 0 ? -EINVAL : std::int64_t{self.no_new_privileges};
        case PR_SET_PDEATHSIG:
            if (a > kSignalCount) return -EINVAL;
            self.death_signal = static_cast<int>(a);
            return 0;
        case PR_GET_PDEATHSIG:
            return put(a, self.death_signal);
        case PR_SET_CHILD_SUBREAPER:
            self.is_subreaper = a != 0;
            return 0;
        case PR_GET_CHILD_SUBREAPER:
            return put(a, std::int32_t{self.is_subreaper});
        case PR_SET_KEEPCAPS:
            if (a > 1) return -EINVAL;
            self.keeps_capabilities = a != 0;
            return 0;
        case PR_GET_KEEPCAPS:
            return self.keeps_capabilities;
        case PR_CAPBSET_READ:
        case PR_CAPBSET_DROP:
            if (a > CAP_LAST_CAP) return -EINVAL;
            if (option == PR_CAPBSET_READ) return self.capabilities.bounding >> a & 1;
            if (!self.may(CAP_SETPCAP)) return -EPERM;
            self.capabilities.bounding &= ~(1ull << a);
            return 0;
        default:
            return -EINVAL;
    }
}

std::int64_t sys_set_robust_list(Address head, std::uint64_t size) {
    if (size != sizeof(robust_list_head)) return -EINVAL;
    this_thread().robust_list = head;
    return 0;
}
std::int64_t sys_get_robust_list(std::uint32_t id, Address head, Address size) {
    const Thread* thread = id == 0 ? &this_thread() : system().threads.find(id);
    if (thread == nullptr) return -ESRCH;
    TRY_ERRNO(put(size, std::uint64_t{sizeof(robust_list_head)}));
    return put(head, thread->robust_list);
}

std::int64_t sys_rseq(Frame*) {
    return -ENOSYS;
}
std::int64_t sys_membarrier(int command) {
    return command == 0 ? 0 : -EINVAL;
}

std::int64_t sys_sched_yield(Frame*) {
    kernel_call(abi::Call::kYield);
    return 0;
}

}  // namespace

ENCLAVISOR_CALL(exit)
ENCLAVISOR_CALL(exit_group)
ENCLAVISOR_FREE_CALL(gettid)
ENCLAVISOR_FREE_CALL(set_tid_address)
ENCLAVISOR_FREE_CALL(arch_prctl)
ENCLAVISOR_CALL(prctl)
ENCLAVISOR_FREE_CALL(set_robust_list)
ENCLAVISOR_CALL(get_robust_list)
ENCLAVISOR_FREE_CALL(rseq)
ENCLAVISOR_FREE_CALL(membarrier)
ENCLAVISOR_FREE_CALL(sched_yield)

}  // namespace enclavisor::runtime
