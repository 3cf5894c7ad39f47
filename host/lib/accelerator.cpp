#include "host/lib/accelerator.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "host/lib/fd.hpp"

namespace enclavisor::host {

bool cpu_virtualises(std::string_view cpuinfo) {
    const std::size_t line = cpuinfo.find("\nflags");
    if (line == std::string_view::npos) return false;
    std::string_view flags = cpuinfo.substr(line + 1);
    flags = flags.substr(0, flags.find('\n'));
    std::istringstream words{std::string{flags}};
    for (std::string word; words >> word;) {
        if (word == "svm" || word == "vmx") return true;
    }
    return false;
}

Result<AcceleratorChoice> choose_accelerator(const std::string& wish) {
    std::string wanted = wish;
    if (wanted.empty()) {
        const char* variable = std::getenv("ENCLAVISOR_ACCEL");
        wanted = variable != nullptr && *variable != 0 ? variable : "auto";
    }
    if (wanted == "tcg") return AcceleratorChoice{Accelerator::kTcg, "asked for"};
    if (wanted == "kvm") return AcceleratorChoice{Accelerator::kKvm, "asked for"};
    if (wanted != "auto")
        return fail(fmt::format("there is no accelerator '{}'", wanted), "use auto, kvm or tcg");

    std::ifstream file{"/proc/cpuinfo"};
    std::ostringstream text;
    text << '\n' << file.rdbuf();
    if (!cpu_virtualises(text.str())) {
        return AcceleratorChoice{Accelerator::kTcg, "the CPU shows neither svm nor vmx"};
    }
    const Fd device{::open("/dev/kvm", O_RDWR | O_CLOEXEC)};
    if (!device) return AcceleratorChoice{Accelerator::kTcg, "/dev/kvm cannot be opened"};
    return AcceleratorChoice{Accelerator::kKvm, "the CPU virtualises and /dev/kvm opens"};
}

}  // namespace enclavisor::host
