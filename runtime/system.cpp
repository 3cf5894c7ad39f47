#include "runtime/system.hpp"

#include <algorithm>
#include <utility>

#include "runtime/processes/process.hpp"

namespace enclavisor::runtime {

System::System(Config&& measured, Start&& told)
    : config{std::move(measured)},
      start{std::move(told)},
      host_umask{start.info.umask},
      highest_pid{start.info.pid},
      freezes_at_input{(config.options.flags & abi::kFreezeAtInput) != 0},
      host_terminal{make_ref<HostTerminal>()} {}

void System::begin_instance(Start&& told) {
    start = std::move(told);
    // Libraries draw new randomness when they see another number than before (OpenSSL
    // does). The host must not be able to give an instance the number of an ancestor.
    highest_pid = std::max(start.info.pid, highest_pid + 1);
    processes.rename(process(), highest_pid);
    if (!(config.options.flags & abi::kHostArguments) || start.arguments.empty()) return;
    std::string& text = process().arguments_text;
    text.clear();
    for (const std::string_view argument : start.arguments) (text += argument) += '\0';
}

void System::finish() {
    host_pages.write_back();
    if (start.info.flags & abi::kStartVerbose) print_unsupported();
}

}  // namespace enclavisor::runtime
