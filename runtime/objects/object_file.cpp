#include "runtime/objects/object_file.hpp"

#include <sys/ioctl.h>

namespace enclavisor::runtime {
namespace {

constexpr dev_t kDevice = 0x7efe;
constexpr std::uint64_t kAnonymousNumber = 1;  // shared by all that have no name
constexpr long kMagic = 0x09041934;            // ANON_INODE_FS_MAGIC
std::uint64_t last_number = kAnonymousNumber;

}  // namespace

std::uint64_t next_object_number() {
    return ++last_number;
}

void describe_object(struct stat& info, mode_t mode, std::uint64_t number) {
    info = {};
    info.st_dev = kDevice;
    info.st_ino = number;
    info.st_mode = mode;
    info.st_nlink = 1;
    info.st_blksize = 4096;
}

std::int64_t ObjectFile::read(const Buffers& to, std::uint64_t offset) {
    if (offset != kPosition) return -ESPIPE;
    return repeat(waits(), POLLIN, 0, [&] { return take(to); });
}

std::int64_t ObjectFile::write(const Buffers& from, std::uint64_t offset) {
    if (offset != kPosition) return -ESPIPE;
    return put_all(from.size(), waits(), 0, [&](std::uint64_t done) { return put(from, done); });
}

std::int64_t ObjectFile::control(std::uint64_t request, Address argument) {
    int value;
    switch (request) {
        case FIONBIO:
            if (!get(argument, value)) return -EFAULT;
            return set_flags(value != 0 ? flags() | O_NONBLOCK : flags() & ~O_NONBLOCK);
        case FIOASYNC:
            if (!get(argument, value)) return -EFAULT;
            return set_flags(value != 0 ? flags() | O_ASYNC : flags() & ~O_ASYNC);
        case FIONREAD: {
            const std::int64_t count = bytes_readable();
            return count < 0 ? count : runtime::put(argument, static_cast<int>(count));
        }
        default:
            return -ENOTTY;
    }
}

std::int64_t ObjectFile::stat_file_system(struct statfs& info) {
    info = {};
    info.f_type = kMagic;
    info.f_bsize = info.f_frsize = 4096;
    info.f_namelen = 255;
    return 0;
}

std::int64_t AnonymousFile::stat(struct stat& info) {
    describe_object(info, 0600, kAnonymousNumber);
    return 0;
}

}  // namespace enclavisor::runtime
