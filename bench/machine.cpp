#include "bench/machine.hpp"

#include <cstdio>
#include <fstream>

#include "host/lib/paths.hpp"

namespace enclavisor::bench {

std::string host_cpu_model() {
    std::ifstream file{"/proc/cpuinfo"};
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

std::string qemu_version() {
    const auto qemu = host::find_qemu();
    if (!qemu.ok()) return {};
    std::FILE* pipe = ::popen(("'" + qemu.value().string() + "' --version").c_str(), "r");
    if (pipe == nullptr) return {};
    char line[256] = {};
    const bool read = std::fgets(line, sizeof line, pipe) != nullptr;
    ::pclose(pipe);
    const std::string text{read ? line : ""};
    const std::size_t begin = text.find("version ");
    if (begin == std::string::npos) return {};
    return text.substr(begin + 8, text.find('\n') - begin - 8);
}

}  // namespace enclavisor::bench
