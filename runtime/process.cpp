#include "runtime/process.hpp"

#include <utility>

#include "runtime/files/path.hpp"
#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {

Process::Process(Config&& measured, Start&& told)
    : config{std::move(measured)},
      start{std::move(told)},
      memory{config.options.memory_limit, config.program.brk_start},
      pid{start.info.pid},
      parent{start.info.ppid},
      umask{start.info.umask} {
    const bool host_identity = config.options.flags & abi::kHostIdentity;
    uid = host_identity ? start.info.uid : static_cast<std::uint32_t>(config.options.uid);
    gid = host_identity ? start.info.gid : static_cast<std::uint32_t>(config.options.gid);
    euid = host_identity ? start.info.euid : uid;
    egid = host_identity ? start.info.egid : gid;
}

void Process::finish() {
    if (start.info.flags & abi::kStartVerbose) print_unsupported();
}

void Process::exit(int status) {
    finish();
    end_enclave(abi::EndReason::kExited, static_cast<std::uint64_t>(status & 0xff));
}

}  // namespace enclavisor::runtime
