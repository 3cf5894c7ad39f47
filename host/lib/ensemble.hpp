// The enclaves that one run consists of: a program's, those of a group's members, the
// instances of a template.
#pragma once

#include <string>
#include <vector>

#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"

namespace enclavisor::host {

// StartParameters::pid of a program that is to have its proxy's.
inline constexpr int kPidOfProxy = -1;

struct Ensemble {
    std::vector<Enclave> enclaves;   // with their proxies; not started
    std::vector<std::string> names;  // of each, for messages
    Measurement measurement{};       // the group's, or the one's
};

// `start`: of a program; the members of a group have arguments of their own.
Result<Ensemble> build_ensemble(Machine& machine, const Application& application,
                                const StartParameters& start, const ProxyOptions& proxy = {});

// One of `count` instances of a template, from 1. Of several each has its number as its last
// argument.
Result<Enclave> fork_instance(Enclave& origin, const StartParameters& start, unsigned number, unsigned count);

}  // namespace enclavisor::host
