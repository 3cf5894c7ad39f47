// Reading and writing on descriptors.
#include "runtime/calls/transfer.hpp"

#include <limits.h>
#include <signal.h>

#include <vector>

#include "runtime/calls/call.hpp"
#include "runtime/instances/instances.hpp"
#include "runtime/support/buffer.hpp"

namespace enclavisor::runtime {

std::int64_t written(std::int64_t result) {
    if (result == -EPIPE) {
        SignalInfo info{};
        info.number = SIGPIPE;
        raise_here(info);
    }
    return result;
}

std::int64_t get_vector(Address from, std::uint64_t count, std::vector<iovec>& parts) {
    if (count > IOV_MAX) return -EINVAL;
    parts.resize(count);
    if (!copy_in(parts.data(), from, count * sizeof(iovec))) return -EFAULT;
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < count; i++) {
        if (parts[i].iov_len > LONG_MAX) return -EINVAL;
        parts[i].iov_len = std::min(parts[i].iov_len, kMaxCount - total);
        total += parts[i].iov_len;
        process().memory->bring(parts[i].iov_base, parts[i].iov_len);
    }
    return 0;
}

std::int64_t get_offset(Address from, std::uint64_t& offset) {
    offset = kPosition;
    if (from == 0) return 0;
    std::int64_t value;
    if (!get(from, value)) return -EFAULT;
    if (value < 0) return -EINVAL;
    offset = static_cast<std::uint64_t>(value);
    return 0;
}

namespace {

std::int64_t sys_read(Fd fd, Address to, std::uint64_t size) {
    if (fd == 0 && system().freezes_at_input) [[unlikely]]
        on_input();
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (!file->readable()) return -EBADF;
    process().memory->bring(to, size);
    return file->read({to, std::min(size, kMaxCount)}, kPosition);
}

std::int64_t sys_write(Fd fd, Address from, std::uint64_t size) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (!file->writable()) return -EBADF;
    process().memory->bring(from, size);
    return written(file->write({from, std::min(size, kMaxCount)}, kPosition));
}

std::int64_t sys_pread64(Fd fd, Address to, std::uint64_t size, std::int64_t offset) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (offset < 0) return -EINVAL;
    if (!file->readable()) return -EBADF;
    process().memory->bring(to, size);
    return file->read({to, std::min(size, kMaxCount)}, static_cast<std::uint64_t>(offset));
}

std::int64_t sys_pwrite64(Fd fd, Address from, std::uint64_t size, std::int64_t offset) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (offset < 0) return -EINVAL;
    if (!file->writable()) return -EBADF;
    process().memory->bring(from, size);
    return written(file->write({from, std::min(size, kMaxCount)}, static_cast<std::uint64_t>(offset)));
}

std::int64_t read_vector(Fd fd, Address from, std::uint64_t count, std::uint64_t offset) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (!file->readable()) return -EBADF;
    std::vector<iovec> parts;
    TRY_ERRNO(get_vector(from, count, parts));
    if (count == 0) return 0;
    return file->read(Buffers{parts}, offset);
}

std::int64_t write_vector(Fd fd, Address from, std::uint64_t count, std::uint64_t offset) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (!file->writable()) return -EBADF;
    std::vector<iovec> parts;
    TRY_ERRNO(get_vector(from, count, parts));
    if (count == 0) return 0;
    return written(file->write(Buffers{parts}, offset));
}

std::int64_t sys_readv(Fd fd, Address from, std::uint64_t count) {
    return read_vector(fd, from, count, kPosition);
}
std::int64_t sys_writev(Fd fd, Address from, std::uint64_t count) {
    return write_vector(fd, from, count, kPosition);
}
std::int64_t sys_preadv(Fd fd, Address from, std::uint64_t count, std::int64_t offset) {
    return offset < 0 ? -EINVAL : read_vector(fd, from, count, static_cast<std::uint64_t>(offset));
}
std::int64_t sys_pwritev(Fd fd, Address from, std::uint64_t count, std::int64_t offset) {
    return offset < 0 ? -EINVAL : write_vector(fd, from, count, static_cast<std::uint64_t>(offset));
}
// The flags are hints, or promises that are not made here.
std::int64_t sys_preadv2(Fd fd, Address from, std::uint64_t count, std::int64_t offset, std::uint64_t,
                         int flags) {
    if (flags != 0) return -EOPNOTSUPP;
    return offset == -1 ? sys_readv(fd, from, count) : sys_preadv(fd, from, count, offset);
}
std::int64_t sys_pwritev2(Fd fd, Address from, std::uint64_t count, std::int64_t offset, std::uint64_t,
                          int flags) {
    if (flags != 0) return -EOPNOTSUPP;
    return offset == -1 ? sys_writev(fd, from, count) : sys_pwritev(fd, from, count, offset);
}

// From one file to another through the runtime. Offsets: kPosition or a value
// that moves.
std::int64_t copy(OpenFile& from, std::uint64_t& from_offset, OpenFile& to, std::uint64_t& to_offset,
                  std::uint64_t size) {
    Buffer bounce{64 << 10};
    std::uint64_t done = 0;
    while (done < size) {
        const std::uint64_t step = std::min<std::uint64_t>(bounce.size(), size - done);
        const std::int64_t count = from.read({reinterpret_cast<Address>(bounce.data()), step}, from_offset);
        if (count <= 0) return done > 0 ? static_cast<std::int64_t>(done) : count;
        const auto valid = static_cast<std::uint64_t>(count);
        const std::int64_t put_there = to.write({reinterpret_cast<Address>(bounce.data()), valid}, to_offset);
        if (put_there < 0) {
            if (from_offset == kPosition) from.seek(-count, SEEK_CUR);
            return done > 0 ? static_cast<std::int64_t>(done) : written(put_there);
        }
        const auto taken = static_cast<std::uint64_t>(put_there);
        if (from_offset != kPosition)
            from_offset += taken;
        else if (taken < valid)
            from.seek(put_there - count, SEEK_CUR);
        if (to_offset != kPosition) to_offset += taken;
        done += taken;
        if (taken < valid || valid < step) break;
    }
    return static_cast<std::int64_t>(done);
}

std::int64_t sys_sendfile(Fd to, Fd from, Address offset_address, std::uint64_t size) {
    const Ref<OpenFile> source = TRY_FILE(from);
    const Ref<OpenFile> target = TRY_FILE(to);
    if (!source->readable() || !target->writable()) return -EBADF;
    // What has no position cannot be read again where a write stopped; into a pipe it is
    // spliced.
    if (target->flags() & O_APPEND) return -EINVAL;
    if (source->queue() != nullptr) {
        if (target->pipe() == nullptr) return -EINVAL;
        return offset_address != 0 ? -ESPIPE : splice(*source, *target, size);
    }
    std::uint64_t offset, here = kPosition;
    TRY_ERRNO(get_offset(offset_address, offset));
    const std::int64_t count = TRY_ERRNO(copy(*source, offset, *target, here, std::min(size, kMaxCount)));
    if (offset_address != 0) TRY_ERRNO(put(offset_address, offset));
    return count;
}

std::int64_t sys_copy_file_range(Fd from, Address from_address, Fd to, Address to_address, std::uint64_t size,
                                 unsigned flags) {
    const Ref<OpenFile> source = TRY_FILE(from);
    const Ref<OpenFile> target = TRY_FILE(to);
    if (flags != 0) return -EINVAL;
    if (!source->readable() || !target->writable() || (target->flags() & O_APPEND)) return -EBADF;
    std::uint64_t from_offset, to_offset;
    TRY_ERRNO(get_offset(from_address, from_offset));
    TRY_ERRNO(get_offset(to_address, to_offset));
    const std::int64_t count =
        TRY_ERRNO(copy(*source, from_offset, *target, to_offset, std::min(size, kMaxCount)));
    if (from_address != 0) TRY_ERRNO(put(from_address, from_offset));
    if (to_address != 0) TRY_ERRNO(put(to_address, to_offset));
    return count;
}

std::int64_t sys_lseek(Fd fd, std::int64_t offset, int whence) {
    return TRY_FILE(fd)->seek(offset, whence);
}

}  // namespace

ENCLAVISOR_CALL(read)
ENCLAVISOR_CALL(write)
ENCLAVISOR_CALL(pread64)
ENCLAVISOR_CALL(pwrite64)
ENCLAVISOR_CALL(readv)
ENCLAVISOR_CALL(writev)
ENCLAVISOR_CALL(preadv)
ENCLAVISOR_CALL(pwritev)
ENCLAVISOR_CALL(preadv2)
ENCLAVISOR_CALL(pwritev2)
ENCLAVISOR_CALL(sendfile)
ENCLAVISOR_CALL(copy_file_range)
ENCLAVISOR_CALL(lseek)

}  // namespace enclavisor::runtime
