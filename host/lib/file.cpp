#include "host/lib/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/lib/fd.hpp"

namespace enclavisor::host {

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
    const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        return fail(fmt::format("{}: {}", path.string(), std::strerror(errno)),
                    missing ? "check the path" : "check its permissions",
                    missing ? kExitNotFound : kExitNotExecutable);
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return fail(fmt::format("{}: is not a regular file", path.string()), "give a file",
                    kExitNotExecutable);
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
    std::size_t filled = 0;
    for (;;) {
        if (filled == bytes.size()) bytes.resize(bytes.size() + 65536);  // it may have grown
        const ssize_t count = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            return fail(fmt::format("{}: {}", path.string(), std::strerror(errno)), "check the file",
                        kExitNotExecutable);
        }
        if (count == 0) break;
        filled += static_cast<std::size_t>(count);
    }
    bytes.resize(filled);
    return bytes;
}

Result<void> write_file(const std::filesystem::path& path, std::string_view text) {
    const auto refuse = [&] {
        return fail(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)),
                    errno == ENOSPC ? "free some disk space" : "give another place");
    };
    std::string made = path.string() + ".XXXXXX";
    Fd fd{::mkostemp(made.data(), O_CLOEXEC)};
    if (!fd) return refuse();
    bool done = ::fchmod(fd.get(), 0644) == 0;
    while (done && !text.empty()) {
        const ssize_t count = ::write(fd.get(), text.data(), text.size());
        if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
        done = count > 0 || (count < 0 && errno == EINTR);
    }
    if (done && ::rename(made.c_str(), path.c_str()) == 0) return {};
    const int error = errno;
    ::unlink(made.c_str());
    errno = error;
    return refuse();
}

}  // namespace enclavisor::host
