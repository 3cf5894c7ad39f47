#include "host/tools/linux_call.hpp"

#include <array>

#include "abi/enclave/linux_calls.hpp"

namespace enclavisor::host {
namespace {

constexpr auto kCalls = [] {
    std::array<LinuxCall, abi::kLinuxCallLimit> calls{};
#define INSIDE(number, name) calls[number] = {#name, CallAnswer::kInside};
#define FORWARDED(number, name) calls[number] = {#name, CallAnswer::kForwarded};
#define ABSENT(number, name) calls[number] = {#name, CallAnswer::kAbsent};
    ENCLAVISOR_LINUX_CALLS(INSIDE, FORWARDED, ABSENT)
#undef INSIDE
#undef FORWARDED
#undef ABSENT
    return calls;
}();

struct Purpose {
    std::string_view text;
    std::string_view names;  // each between spaces
};
constexpr Purpose kPurposes[] = {
    {"looks into or steers another process",
     " ptrace process_vm_readv process_vm_writev kcmp pidfd_send_signal pidfd_open pidfd_getfd "
     "process_madvise process_mrelease "},
    {"waits for other processes (semaphores of System V)", " semget semop semctl semtimedop "},
    {"exchanges messages with other processes (System V)", " msgget msgsnd msgrcv msgctl "},
    {"exchanges messages with other processes (POSIX queues)",
     " mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr "},
    {"asks for a signal after some time",
     " alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete "},
    {"reads and writes without waiting (Linux AIO)",
     " io_setup io_destroy io_getevents io_submit io_cancel io_pgetevents "},
    {"reads and writes without waiting (io_uring)", " io_uring_setup io_uring_enter io_uring_register "},
    {"keeps memory from the operating system", " memfd_secret "},
    {"lists a directory in the old way", " getdents "},
    {"opens a file, forbidding ways that lead to it", " openat2 "},
    {"names a file by a handle", " name_to_handle_at open_by_handle_at "},
    {"changes permissions of a link", " fchmodat2 "},
    {"watches files of the whole system", " fanotify_init fanotify_mark "},
    {"handles page faults itself", " userfaultfd "},
    {"waits on several words at once", " futex_waitv futex_wake futex_wait futex_requeue "},
    {"arranges its memory in an unusual way",
     " remap_file_pages modify_ldt set_thread_area get_thread_area cachestat map_shadow_stack mseal "},
    {"chooses on which memory of a large machine it runs",
     " mbind set_mempolicy get_mempolicy migrate_pages move_pages set_mempolicy_home_node "},
    {"asks how it is scheduled", " sched_rr_get_interval sched_setattr sched_getattr ioprio_set ioprio_get "},
    {"changes its groups", " setgroups "},
    {"forbids itself what it will not need",
     " seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr "
     "lsm_set_self_attr lsm_list_modules "},
    {"makes containers", " setns chroot pivot_root "},
    {"mounts file systems or lists them",
     " mount umount2 open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr statmount listmount "
     "ustat sysfs "},
    {"keeps keys in the operating system", " add_key request_key keyctl "},
    {"measures or changes the operating system", " perf_event_open bpf lookup_dcookie syslog "},
    {"sets the machine's clock", " adjtimex clock_adjtime settimeofday clock_settime "},
    {"administers the machine",
     " vhangup acct swapon swapoff reboot sethostname setdomainname iopl ioperm init_module delete_module "
     "finit_module quotactl quotactl_fd kexec_load kexec_file_load "},
    {"is the operating system's own", " restart_syscall "},
    {"does nothing on today's Linux",
     " uselib _sysctl create_module get_kernel_syms query_module nfsservctl getpmsg putpmsg afs_syscall "
     "tuxcall security epoll_ctl_old epoll_wait_old vserver "},
};

}  // namespace

LinuxCall linux_call(std::uint64_t number) {
    return number < kCalls.size() ? kCalls[number] : LinuxCall{};
}

std::string_view purpose_of(std::string_view name) {
    for (const Purpose& purpose : kPurposes) {
        for (std::size_t at = purpose.names.find(name); at != std::string_view::npos;
             at = purpose.names.find(name, at + 1)) {
            if (purpose.names[at - 1] == ' ' && purpose.names[at + name.size()] == ' ') return purpose.text;
        }
    }
    return {};
}

}  // namespace enclavisor::host
