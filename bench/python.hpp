// Python's start in an enclave: cold, and as an instance of a template.
#pragma once

#include <filesystem>

#include "bench/figures.hpp"
#include "host/lib/error.hpp"
#include "host/lib/paths.hpp"

namespace enclavisor::bench {

// The program "python" of programs.hpp, from its start until it has ended, without what was spent
// waiting for the host: "python.life"; building the enclave before that: "python.build". From a
// template after the imports: "python.instance_life", and "python.first_bytecode" from the command
// until Python goes on.
host::Result<Figures> measure_python(host::Platform platform, const std::filesystem::path& work);

}  // namespace enclavisor::bench
