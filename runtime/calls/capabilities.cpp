// Capabilities and protection keys: what there is to be told of them. The enclave's kernel
// knows neither.
#include <linux/capability.h>

#include "runtime/calls/call.hpp"

namespace enclavisor::runtime {
namespace {

using CapabilityData = __user_cap_data_struct;
using CapabilityHeader = __user_cap_header_struct;

// The number of data structures that the header's version has, or -errno; an unknown version
// is replaced by the one that is known.
std::int64_t data_count(Address header, CapabilityHeader& value) {
    if (!get(header, value)) return -EFAULT;
    switch (value.version) {
        case _LINUX_CAPABILITY_VERSION_1:
            return _LINUX_CAPABILITY_U32S_1;
        case _LINUX_CAPABILITY_VERSION_2:
        case _LINUX_CAPABILITY_VERSION_3:
            return _LINUX_CAPABILITY_U32S_3;
        default: {
            const std::uint32_t known = _LINUX_CAPABILITY_VERSION_3;
            TRY_ERRNO(put(header, known));
            return -EINVAL;
        }
    }
}

bool is_own(int pid) {
    return pid == 0 || static_cast<std::uint32_t>(pid) == process().pid ||
           static_cast<std::uint32_t>(pid) == this_thread().id;
}

std::int64_t sys_capget(Address header_at, Address data_at) {
    CapabilityHeader header;
    const std::int64_t count = data_count(header_at, header);
    if (data_at == 0) return count == -EINVAL ? 0 : std::min<std::int64_t>(count, 0);
    if (count < 0) return count;
    if (header.pid < 0) return -EINVAL;
    if (!is_own(header.pid)) return -ESRCH;
    const Capabilities& own = process().capabilities;
    CapabilityData data[2];
    for (int i = 0; i < 2; i++) {
        const int shift = 32 * i;
        data[i] = {static_cast<std::uint32_t>(own.effective >> shift),
                   static_cast<std::uint32_t>(own.permitted >> shift),
                   static_cast<std::uint32_t>(own.inheritable >> shift)};
    }
    return copy_out(data_at, data, static_cast<std::size_t>(count) * sizeof(data[0])) ? 0 : -EFAULT;
}

// They can be given up, and that is all.
std::int64_t sys_capset(Address header_at, Address data_at) {
    CapabilityHeader header;
    const std::int64_t count = data_count(header_at, header);
    if (count < 0) return count;
    if (header.pid != 0 && !is_own(header.pid)) return -EPERM;
    CapabilityData data[2]{};
    if (!copy_in(data, data_at, static_cast<std::size_t>(count) * sizeof(data[0]))) return -EFAULT;
    const auto whole = [&](std::uint32_t low, std::uint32_t high) {
        return (std::uint64_t{high} << 32 | low) & kAllCapabilities;
    };
    const Capabilities wanted{whole(data[0].effective, data[1].effective),
                              whole(data[0].permitted, data[1].permitted),
                              whole(data[0].inheritable, data[1].inheritable)};
    Capabilities& own = process().capabilities;
    if ((wanted.permitted & ~own.permitted) || (wanted.effective & ~wanted.permitted) ||
        (wanted.inheritable & ~(own.inheritable | own.permitted))) {
        return -EPERM;
    }
    own.effective = wanted.effective, own.permitted = wanted.permitted;
    own.inheritable = wanted.inheritable;
    return 0;
}

// As on a processor without them.
std::int64_t sys_pkey_alloc(std::uint64_t flags, std::uint64_t rights) {
    return flags != 0 || (rights & ~3ull) ? -EINVAL : -ENOSPC;
}
std::int64_t sys_pkey_free(int) {
    return -EINVAL;
}
std::int64_t sys_pkey_mprotect(std::uint64_t address, std::uint64_t size, int protection, int key) {
    return key != -1 ? -EINVAL : process().memory->protect(address, size, protection);
}

}  // namespace

ENCLAVISOR_CALL(capget)
ENCLAVISOR_CALL(capset)
ENCLAVISOR_FREE_CALL(pkey_alloc)
ENCLAVISOR_FREE_CALL(pkey_free)
ENCLAVISOR_CALL(pkey_mprotect)

}  // namespace enclavisor::runtime
