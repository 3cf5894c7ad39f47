#include "runtime/files/host_file.hpp"

#include <signal.h>
#include <sys/ioctl.h>

#include <cstring>
#include <vector>

#include "runtime/files/host_pages.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/support/buffer.hpp"
#include "runtime/support/text.hpp"
#include "runtime/terminals/line_discipline.hpp"

namespace enclavisor::runtime {

using C = abi::ForwardedCall;

namespace {

constexpr std::uint64_t kMaxEntries = 32 << 10;

}  // namespace

HostFile::~HostFile() {
    forward(C::kClose, fd_);
}

Terminal* HostFile::terminal() {
    if (terminal_ && !std::exchange(asked_for_terminal_, true)) {
        TerminalSettings settings;
        if (forward(C::kGetTermios, fd_, 0, &settings) != 0) terminal_ = {};
    }
    return terminal_.get();
}

bool HostFile::regular() {
    if (kind_ == Kind::kUnknown) {
        struct stat info;
        kind_ = stat(info) == 0 && S_ISREG(info.st_mode) ? Kind::kRegular : Kind::kOther;
        if (kind_ == Kind::kRegular) identity_ = {info.st_dev, info.st_ino};
    }
    return kind_ == Kind::kRegular;
}

bool HostFile::identify(FileIdentity& identity) {
    if (!regular()) return false;
    identity = identity_;
    return true;
}

Ref<OpenFile> HostFile::shared_pages() {
    return writable() && readable() ? HostPages::of(*this) : Ref<OpenFile>{};
}

std::int64_t HostFile::write_back(std::uint64_t offset, std::uint64_t size) {
    const auto pages = HostPages::find(*this);
    return pages ? pages->write_back(offset, size) : 0;
}

// Who maps the file sees it.
void HostFile::note_written(const Buffers& from, std::uint64_t offset, std::int64_t count) {
    if (count <= 0) return;
    const auto pages = HostPages::find(*this);
    if (!pages) return;
    if (offset == kPosition) {
        const std::int64_t position = seek(0, SEEK_CUR);
        if (position < count) return;
        offset = static_cast<std::uint64_t>(position - count);
    }
    pages->changed(offset, from, static_cast<std::uint64_t>(count));
}

std::int64_t HostFile::transfer_in(const Buffers& to, std::uint64_t offset, std::uint64_t done,
                                   std::uint64_t size) {
    const auto read_to = [&](Address target) {
        return offset == kPosition ? forward(C::kRead, fd_, target, size)
                                   : forward(C::kPread, fd_, target, size, offset + done);
    };
    if (to.contiguous()) return read_to(to.address() + done);
    Buffer bounce{size};
    const std::int64_t count = read_to(reinterpret_cast<Address>(bounce.data()));
    if (count > 0 && !to.write(done, bounce.data(), static_cast<std::uint64_t>(count))) return -EFAULT;
    return count;
}

std::int64_t HostFile::transfer_out(const Buffers& from, std::uint64_t offset, std::uint64_t done,
                                    std::uint64_t size) {
    const auto write_from = [&](Address source) {
        return offset == kPosition ? forward(C::kWrite, fd_, source, size)
                                   : forward(C::kPwrite, fd_, source, size, offset + done);
    };
    if (from.contiguous()) return write_from(from.address() + done);
    Buffer bounce{size};
    if (!from.read(done, bounce.data(), size)) return -EFAULT;
    return write_from(reinterpret_cast<Address>(bounce.data()));
}

std::int64_t HostFile::read(const Buffers& to, std::uint64_t offset) {
    if (terminal_ && in_background(*terminal_) && terminal() != nullptr) {
        if (const std::int64_t error = ask_to_use(*terminal_, SIGTTIN); error != 0) return error;
    }
    const bool anywhere = offset == kPosition;
    write_back(anywhere ? 0 : offset, anywhere ? ~0ull : to.size());
    std::uint64_t done = 0;
    do {
        const std::uint64_t step = std::min(to.size() - done, most_transfer());
        const std::int64_t count = transfer_in(to, offset, done, step);
        if (count < 0) return done > 0 ? static_cast<std::int64_t>(done) : count;
        done += static_cast<std::uint64_t>(count);
        // What is not a regular file might block now that it has delivered something.
        if (static_cast<std::uint64_t>(count) < step) break;
    } while (done < to.size() && regular());
    return static_cast<std::int64_t>(done);
}

inline std::int64_t HostFile::write_once(const Buffers& from, std::uint64_t offset) {
    return offset == kPosition ? forward(C::kWrite, fd_, from.address(), from.size())
                               : forward(C::kPwrite, fd_, from.address(), from.size(), offset);
}

std::int64_t HostFile::write(const Buffers& from, std::uint64_t offset) {
    // Most writes are one call.
    if (!terminal_ && from.contiguous() && from.size() <= kMaxFurtherTransfer && !HostPages::any()) [[likely]]
        return write_once(from, offset);
    return write_in_parts(from, offset);
}

[[gnu::noinline]] std::int64_t HostFile::write_in_parts(const Buffers& from, std::uint64_t offset) {
    if (terminal_ && in_background(*terminal_) && terminal() != nullptr) {
        if (const std::int64_t error = ask_to_write(*terminal_); error != 0) return error;
    }
    const std::int64_t count = write_to_host(from, offset);
    note_written(from, offset, count);
    return count;
}

std::int64_t HostFile::write_to_host(const Buffers& from, std::uint64_t offset) {
    if (from.contiguous() && from.size() <= kMaxFurtherTransfer) return write_once(from, offset);
    std::uint64_t done = 0;
    do {
        const std::uint64_t step = std::min(from.size() - done, most_transfer());
        const std::int64_t count = transfer_out(from, offset, done, step);
        if (count < 0) return done > 0 ? static_cast<std::int64_t>(done) : count;
        done += static_cast<std::uint64_t>(count);
        if (static_cast<std::uint64_t>(count) < step) break;
    } while (done < from.size());
    return static_cast<std::int64_t>(done);
}

std::int64_t HostFile::seek(std::int64_t offset, int whence) {
    return forward(C::kLseek, fd_, offset, whence);
}
std::int64_t HostFile::stat(struct stat& info) {
    const std::int64_t result = forward(C::kFstat, fd_, &info);
    return result == 0 && !stat_valid(info) ? -EIO : result;
}
std::int64_t HostFile::stat_file_system(struct statfs& info) {
    const std::int64_t result = forward(C::kFstatfs, fd_, &info);
    return result == 0 && !file_system_valid(info) ? -EIO : result;
}

std::int64_t HostFile::entries(Address to, std::uint64_t size) {
    std::vector<std::byte> records(std::min(size, kMaxEntries));
    const std::int64_t count = forward(C::kGetdents, fd_, records.data(), records.size());
    if (count <= 0) return count;
    const auto valid = static_cast<std::size_t>(count);
    if (!directory_entries_valid({records.data(), valid})) return -EIO;
    return copy_out(to, records.data(), valid) ? count : -EFAULT;
}

std::int64_t HostFile::truncate(std::uint64_t size) {
    const std::int64_t result = forward(C::kFtruncate, fd_, size);
    if (const auto pages = HostPages::find(*this); pages && result == 0) pages->cut(size);
    return result;
}
std::int64_t HostFile::allocate(int mode, std::uint64_t offset, std::uint64_t size) {
    return forward(C::kFallocate, fd_, mode, offset, size);
}
std::int64_t HostFile::sync(bool data_only) {
    if (const std::int64_t error = write_back(0, ~0ull); error != 0) return error;
    return forward(data_only ? C::kFdatasync : C::kFsync, fd_);
}
std::int64_t HostFile::change_mode(mode_t mode) {
    return forward(C::kFchmod, fd_, mode);
}
std::int64_t HostFile::change_owner(uid_t uid, gid_t gid) {
    return forward(C::kFchown, fd_, uid, gid);
}
std::int64_t HostFile::set_times(const timespec* times) {
    return forward(C::kUtimensat, fd_, 0, times, 0);
}

std::int64_t HostFile::control(std::uint64_t request, Address argument) {
    switch (request) {
        case TCGETS:
            return forward(C::kGetTermios, fd_, 0, argument);
        case TCSETS:
        case TCSETSW:
        case TCSETSF: {
            Terminal* const own = terminal();
            if (own != nullptr) {
                if (const std::int64_t error = ask_to_use(*own, SIGTTOU); error != 0) return error;
            }
            const C call = request == TCSETS    ? C::kSetTermios
                           : request == TCSETSW ? C::kSetTermiosWait
                                                : C::kSetTermiosFlush;
            return forward(call, fd_, 0, argument);
        }
        case TIOCGWINSZ:
            return forward(C::kGetWindowSize, fd_, 0, argument);
        case FIONREAD: {
            std::int32_t count = 0;
            const std::int64_t result = forward(C::kBytesReadable, fd_, 0, &count);
            if (result < 0) return result;
            return count < 0 ? -EIO : put(argument, count);
        }
        case FIONBIO:
            return forward(C::kSetNonBlocking, fd_, 0, argument);
        default: {
            Terminal* const own = terminal();
            return own != nullptr ? control_job(*own, request, argument, false) : -ENOTTY;
        }
    }
}

std::int64_t HostFile::get_flags() {
    return forward(C::kGetFlags, fd_);
}
std::int64_t HostFile::set_flags(int flags) {
    const std::int64_t result = forward(C::kSetFlags, fd_, 0, flags);
    return result == 0 ? OpenFile::set_flags(flags) : result;
}

std::int64_t host_path_of(const OpenFile& file, std::string& path) {
    // The proxy's link under the proxy's number.
    const std::string link = join("/proc/self/fd/", file.host_fd());
    path.resize(abi::kMaxPath);
    const std::int64_t size =
        forward(abi::ForwardedCall::kReadlinkat, AT_FDCWD, link.c_str(), path.data(), path.size());
    path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    if (size >= 0 && !link_target_valid(path)) return -EIO;
    return size < 0 ? size : 0;
}

}  // namespace enclavisor::runtime
