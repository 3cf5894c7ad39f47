// The ivshmem server's part of the conversation (QEMU docs/specs/ivshmem-spec).
//
// There is one client and nothing ever changes after the first messages, so
// they are all written into a socket pair before QEMU starts; no server runs.
#pragma once

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

struct IvshmemEnds {
    Fd server;          // stays open while the VM lives
    Fd client;          // for QEMU: -chardev socket,fd=
    Fd host_doorbell;   // eventfd: the guest rings, the launcher reads
    Fd guest_doorbell;  // eventfd: the launcher and proxies write, the guest is interrupted
};

Result<IvshmemEnds> prepare_ivshmem(int memory_fd);

}  // namespace enclavisor::host
