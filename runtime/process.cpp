#include "runtime/process.hpp"

#include <algorithm>
#include <utility>

#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {

Process::Process(Config&& measured, Start&& told)
    : config{std::move(measured)},
      start{std::move(told)},
      memory{config.options.memory_limit, config.program.brk_start},
      pid{start.info.pid},
      parent{start.info.ppid},
      umask{start.info.umask},
      highest_pid{start.info.pid},
      freezes_at_input{(config.options.flags & abi::kFreezeAtInput) != 0} {
    const bool host_identity = config.options.flags & abi::kHostIdentity;
    uid = host_identity ? start.info.uid : static_cast<std::uint32_t>(config.options.uid);
    gid = host_identity ? start.info.gid : static_cast<std::uint32_t>(config.options.gid);
    euid = host_identity ? start.info.euid : uid;
    egid = host_identity ? start.info.egid : gid;
    const std::uint64_t owned = euid == 0 ? kAllCapabilities : 0;
    capabilities = {owned, owned, 0};
}

void Process::begin_instance(Start&& told) {
    start = std::move(told);
    // Libraries draw new randomness when they see another number than before (OpenSSL
    // does). The host must not be able to give an instance the number of an ancestor.
    pid = highest_pid = std::max(start.info.pid, highest_pid + 1);
    parent = start.info.ppid;
    if (!(config.options.flags & abi::kHostArguments) || start.arguments.empty()) return;
    arguments_text.clear();
    for (const std::string_view text : start.arguments) (arguments_text += text) += '\0';
}

void Process::finish() {
    if (start.info.flags & abi::kStartVerbose) print_unsupported();
}

void Process::exit(int status) {
    finish();
    end_enclave(abi::EndReason::kExited, static_cast<std::uint64_t>(status & 0xff));
}

}  // namespace enclavisor::runtime
