#include "host/lib/paths.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

fs::path executable_directory() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    return error ? fs::path{"."} : self.parent_path();
}

Result<fs::path> find_part(const std::string& name, const char* build_folder) {
    std::vector<fs::path> folders;
    if (const char* home = std::getenv("ENCLAVISOR_HOME"); home != nullptr && *home != 0) {
        for (const char* folder : {"", build_folder, "bin", "share/enclavisor"}) {
            folders.push_back(fs::path{home} / folder);
        }
    }
    const fs::path here = executable_directory();
    folders.insert(folders.end(), {here, here / ".." / build_folder, here / "../bin",
                                   here / "../share/enclavisor", here / "../libexec/enclavisor"});
    for (const fs::path& folder : folders) {
        std::error_code error;
        if (fs::is_regular_file(folder / name, error)) return (folder / name).lexically_normal();
    }
    return fail(fmt::format("{} is missing", name),
                "build everything with 'make', or set ENCLAVISOR_HOME to the build or installation folder");
}

}  // namespace

Result<fs::path> find_rom(Platform platform) {
    return find_part(fmt::format("enclavisor-{}.rom", platform_name(platform)), "kernel");
}
Result<fs::path> find_launch_rom(const std::string& platform) {
    auto found = find_part(fmt::format("enclavisor-{}.rom", platform), "kernel");
    if (found) return found;
    return fail(fmt::format("there is no kernel for {} here", platform),
                "give the image with --firmware FILE");
}

Result<fs::path> find_runtime() {
    return find_part("enclavisor-runtime", "runtime");
}
Result<fs::path> find_proxy() {
    return find_part("enclavisor-proxy", "host/proxy");
}

Result<fs::path> find_daemon() {
    return find_part("enclavisord", "host/daemon");
}

Result<fs::path> find_carrier() {
    return find_part("enclavisor-sim-vmm", "sim");
}

Result<fs::path> find_program(const std::string& name) {
    std::error_code error;
    if (name.find('/') != std::string::npos) {
        if (fs::is_regular_file(name, error) && ::access(name.c_str(), X_OK) != 0) {
            return fail(fmt::format("{}: the program is not executable", name),
                        fmt::format("chmod +x {}", name), kExitNotExecutable);
        }
        if (fs::exists(name, error)) return fs::path{name};
        return fail(fmt::format("{}: no such file", name), "check the path", kExitNotFound);
    }
    const char* variable = std::getenv("PATH");
    const std::string path = variable != nullptr ? variable : "/usr/bin:/bin";
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        const fs::path candidate = fs::path{path.substr(begin, end - begin)} / name;
        if (end > begin && fs::is_regular_file(candidate, error) && ::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
        begin = end + 1;
    }
    const bool here = fs::exists(name, error);
    return fail(fmt::format("{}: not found in PATH", name),
                here ? fmt::format("did you mean ./{}?", name) : "give the path of the program",
                kExitNotFound);
}

Result<fs::path> find_qemu() {
    if (const char* chosen = std::getenv("ENCLAVISOR_QEMU"); chosen != nullptr && *chosen != 0) {
        if (::access(chosen, X_OK) == 0) return fs::path{chosen};
        return fail(fmt::format("ENCLAVISOR_QEMU names {}, which cannot be run", chosen),
                    "correct or unset ENCLAVISOR_QEMU");
    }
    auto found = find_program("qemu-system-x86_64");
    if (!found) {
        return fail("qemu-system-x86_64 is not installed", "apt-get install qemu-system-x86");
    }
    return found;
}

}  // namespace enclavisor::host
