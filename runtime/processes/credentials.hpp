// Who a process is to other processes of the enclave: its users, groups and capabilities. The
// host knows nothing of them: what it is asked to do, it does as the proxy's user.
#pragma once

#include <cstdint>
#include <vector>

namespace enclavisor::runtime {

struct Capabilities {
    std::uint64_t effective, permitted, inheritable;
    std::uint64_t bounding = ~0ull;
};
inline constexpr std::uint64_t kAllCapabilities = (1ull << 41) - 1;  // CAP_LAST_CAP is 40

struct Credentials {
    std::uint32_t uid = 0, gid = 0, euid = 0, egid = 0;
    std::uint32_t saved_uid = 0, saved_gid = 0, fs_uid = 0, fs_gid = 0;
    std::vector<std::uint32_t> groups;  // supplementary, sorted
    Capabilities capabilities{};
    bool keeps_capabilities = false;  // PR_SET_KEEPCAPS
    bool no_new_privileges = false;
    bool dumpable = true;

    bool may(int capability) const { return capabilities.effective >> capability & 1; }
    bool may_signal(const Credentials& target) const;
    bool may_inspect(const Credentials& target) const;  // ptrace(2), PTRACE_MODE_READ_FSCREDS

    // New ones; capabilities follow as in capabilities(7).
    void set_users(std::uint32_t real, std::uint32_t effective, std::uint32_t saved);
    void set_groups(std::uint32_t real, std::uint32_t effective, std::uint32_t saved);
    void begin_program();  // execve
};

}  // namespace enclavisor::runtime
