#include "runtime/processes/process.hpp"

#include <signal.h>

#include <algorithm>
#include <iterator>

#include "runtime/system.hpp"

namespace enclavisor::runtime {

Process::Process(const Config& config, const abi::StartInfo& told)
    : pid{told.pid},
      parent{told.ppid},
      group{told.pid},
      session{told.pid},
      memory{make_ref<Memory>(config.options.memory_limit, config.program.brk_start)},
      files{make_ref<Descriptors>()},
      executable{config.executable} {
    const bool host_identity = config.options.flags & abi::kHostIdentity;
    uid = host_identity ? told.uid : static_cast<std::uint32_t>(config.options.uid);
    gid = host_identity ? told.gid : static_cast<std::uint32_t>(config.options.gid);
    euid = host_identity ? told.euid : uid;
    egid = host_identity ? told.egid : gid;
    begin_program();
    std::fill(std::begin(limits), std::end(limits), rlimit{RLIM_INFINITY, RLIM_INFINITY});
    limits[RLIMIT_STACK] = {config.options.stack_size, config.options.stack_size};
    limits[RLIMIT_NOFILE] = {files->limit(), kMostFiles};
    for (const int none : {RLIMIT_CORE, RLIMIT_NICE, RLIMIT_RTPRIO}) limits[none] = {0, 0};
}

Process::Process(const Process& from, std::uint32_t number)
    : Credentials{from},
      pid{number},
      parent{from.pid},
      group{from.group},
      session{from.session},
      memory{from.memory},
      files{from.files},
      directory{from.directory},
      signals{from.signals},
      terminal{from.terminal},
      executable{from.executable},
      interpreter{from.interpreter},
      arguments_text{from.arguments_text},
      environment_text{from.environment_text},
      began{system().clock.read(ClockKind::kMonotonic)} {
    std::copy(std::begin(from.limits), std::end(from.limits), limits);
}

}  // namespace enclavisor::runtime
