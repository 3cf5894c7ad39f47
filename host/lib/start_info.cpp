#include "host/lib/start_info.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "abi/enclave/config.hpp"

namespace enclavisor::host {
namespace {

std::uint64_t now_ns(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint32_t current_umask() {
    const mode_t mask = ::umask(022);
    ::umask(mask);
    return mask;
}

std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

}  // namespace

Result<void> write_start_info(std::span<std::byte> data, const StartParameters& parameters) {
    std::string strings;
    const auto append = [&strings](const std::string& text) {
        strings += text;
        strings += '\0';
    };
    for (const std::string& argument : parameters.arguments) append(argument);
    for (const std::string& variable : parameters.environment) append(variable);
    std::error_code error;
    const std::filesystem::path here = std::filesystem::current_path(error);
    append(!parameters.directory.empty() ? parameters.directory : error ? "/" : here.string());
    append(host_name());

    abi::StartInfo info{};
    if (sizeof(info) + strings.size() > data.size()) {
        return fail(
            fmt::format("arguments and environment take {} bytes, more than the {} an enclave can be handed",
                        strings.size(), data.size() - sizeof(info)),
            "shorten them, or put long lists into a file");
    }
    info.magic = abi::kStartMagic;
    info.size = static_cast<std::uint32_t>(sizeof(info) + strings.size());
    info.argument_count = static_cast<std::uint32_t>(parameters.arguments.size());
    info.environment_count = static_cast<std::uint32_t>(parameters.environment.size());
    info.flags = parameters.verbose ? abi::kStartVerbose : 0;
    info.wall_ns = now_ns(CLOCK_REALTIME);
    info.monotonic_ns = now_ns(CLOCK_MONOTONIC);
    info.uid = ::getuid();
    info.gid = ::getgid();
    info.euid = ::geteuid();
    info.egid = ::getegid();
    info.pid = static_cast<std::uint32_t>(parameters.pid != 0 ? parameters.pid : ::getpid());
    info.ppid = static_cast<std::uint32_t>(::getppid());
    info.umask = current_umask();
    std::memcpy(data.data(), &info, sizeof(info));
    std::memcpy(data.data() + sizeof(info), strings.data(), strings.size());
    return {};
}

}  // namespace enclavisor::host
