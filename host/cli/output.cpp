#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/cli/commands.hpp"

namespace enclavisor::host {
namespace {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

Result<void> print(const std::string& text) {
    if (write_all(STDOUT_FILENO, text)) return {};
    const int error = errno;
    return fail(fmt::format("cannot write to standard output: {}", std::strerror(error)),
                error == ENOSPC ? "free some disk space" : "check where the output goes");
}

void complain(const std::string& text) {
    write_all(STDERR_FILENO, "enclavisor: " + text + "\n");
}

}  // namespace enclavisor::host
