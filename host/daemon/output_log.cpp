#include "host/daemon/output_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "abi/platform/layout.hpp"

namespace enclavisor::host {
namespace {

std::uint64_t size_of(int file) {
    struct stat info {};
    return ::fstat(file, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

Result<OutputLog> OutputLog::create(const std::filesystem::path& path, std::uint64_t limit) {
    Fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file) return fail(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
    return OutputLog{std::move(file), limit};
}

Result<Fd> OutputLog::writer() const {
    Fd copy{::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)};
    if (!copy) return fail(fmt::format("cannot hand a log over: {}", std::strerror(errno)));
    return copy;
}

void OutputLog::trim() {
    if (limit_ == 0) return;
    const std::uint64_t size = size_of(file_.get());
    if (size - std::min(begin_, size) <= limit_) return;
    begin_ = (size - limit_ / 2) / abi::kPageSize * abi::kPageSize;
    if (::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(begin_)) ==
        0)
        return;
    // A file system without holes: all goes. Who writes appends.
    begin_ = 0;
    [[maybe_unused]] const int done = ::ftruncate(file_.get(), 0);
}

std::uint64_t first_kept(int log, std::uint64_t offset) {
    if (offset > size_of(log)) return 0;
    const off_t found = ::lseek(log, static_cast<off_t>(offset), SEEK_DATA);
    return found < 0 ? offset : static_cast<std::uint64_t>(found);
}

}  // namespace enclavisor::host
