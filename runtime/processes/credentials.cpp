#include "runtime/processes/credentials.hpp"

#include <linux/capability.h>

namespace enclavisor::runtime {

bool Credentials::may_signal(const Credentials& target) const {
    return euid == target.saved_uid || euid == target.uid || uid == target.saved_uid || uid == target.uid ||
           may(CAP_KILL);
}

bool Credentials::may_inspect(const Credentials& target) const {
    if (may(CAP_SYS_PTRACE)) return true;
    return target.dumpable && fs_uid == target.uid && fs_uid == target.euid && fs_uid == target.saved_uid &&
           fs_gid == target.gid && fs_gid == target.egid && fs_gid == target.saved_gid;
}

void Credentials::set_users(std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    const bool was_root = uid == 0 || euid == 0 || saved_uid == 0;
    const bool is_root = real == 0 || effective == 0 || saved == 0;
    if (was_root && !is_root && !keeps_capabilities) capabilities.permitted = capabilities.effective = 0;
    if (euid == 0 && effective != 0) capabilities.effective = 0;
    if (euid != 0 && effective == 0) capabilities.effective = capabilities.permitted;
    if (effective != euid || effective != fs_uid) dumpable = false;
    uid = real, euid = fs_uid = effective, saved_uid = saved;
}

void Credentials::set_groups(std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    if (effective != egid || effective != fs_gid) dumpable = false;
    gid = real, egid = fs_gid = effective, saved_gid = saved;
}

void Credentials::begin_program() {
    saved_uid = fs_uid = euid;
    saved_gid = fs_gid = egid;
    Capabilities& own = capabilities;
    own.permitted = uid == 0 || euid == 0 ? (own.inheritable | own.bounding) & kAllCapabilities : 0;
    own.effective = euid == 0 ? own.permitted : 0;
    keeps_capabilities = false;
    dumpable = uid == euid && gid == egid;
}

}  // namespace enclavisor::runtime
