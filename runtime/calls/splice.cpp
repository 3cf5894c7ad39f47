// splice, tee and vmsplice: here bytes are copied, as nobody but the enclave could tell.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include <vector>

#include "runtime/calls/call.hpp"
#include "runtime/calls/transfer.hpp"
#include "runtime/objects/object_file.hpp"
#include "runtime/objects/pipe.hpp"
#include "runtime/support/buffer.hpp"

namespace enclavisor::runtime {
namespace {

constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

// Waits until the pipe has bytes that may be taken: how many, 0 at the end, or -errno.
std::int64_t wait_for_bytes(OpenFile& end, bool waits) {
    const Pipe& pipe = *end.pipe();
    while (pipe.used() == 0 || pipe.held) {
        if (pipe.writers == 0 && !pipe.held) return 0;
        if (!waits) return -EAGAIN;
        TRY_ERRNO(wait_for(end, POLLIN));
    }
    return static_cast<std::int64_t>(pipe.used());
}

// Waits until the pipe has room: how much, or -errno.
std::int64_t wait_for_room(OpenFile& end, bool waits) {
    const Pipe& pipe = *end.pipe();
    while (pipe.readers > 0 && pipe.room() == 0) {
        if (!waits) return -EAGAIN;
        TRY_ERRNO(wait_for(end, POLLOUT));
    }
    return pipe.readers == 0 ? -EPIPE : static_cast<std::int64_t>(pipe.room());
}

bool waits(const OpenFile& file, unsigned flags) {
    return !(file.flags() & O_NONBLOCK) && !(flags & SPLICE_F_NONBLOCK);
}

// From a pipe to wherever: what is not written stays in the pipe.
std::int64_t out_of_pipe(OpenFile& from, OpenFile& to, std::uint64_t& offset, std::uint64_t size,
                         unsigned flags) {
    Pipe& pipe = *from.pipe();
    const std::int64_t there = wait_for_bytes(from, waits(from, flags));
    if (there <= 0) return there;
    if (to.pipe() != nullptr) {
        // The bytes may be gone when there is room: they are looked at again.
        TRY_ERRNO(wait_for_room(to, waits(to, flags)));
        size = std::min(size, to.pipe()->room());
        if (pipe.used() == 0 || pipe.held) return -EAGAIN;
    }
    size = std::min({size, pipe.used(), kPipeSize});
    Buffer bytes{size};
    pipe.peek(bytes.data(), size);
    pipe.held = true;
    const std::int64_t count = to.write({reinterpret_cast<Address>(bytes.data()), size}, offset);
    pipe.held = false;
    if (count > 0) {
        pipe.drop(static_cast<std::uint64_t>(count));
        if (offset != kPosition) offset += static_cast<std::uint64_t>(count);
    }
    if (pipe.used() > 0) pipe.reading.notify(kReadable);
    return count;
}

std::int64_t into_pipe(OpenFile& from, std::uint64_t& offset, OpenFile& to, std::uint64_t size,
                       unsigned flags) {
    const auto room = static_cast<std::uint64_t>(TRY_ERRNO(wait_for_room(to, waits(to, flags))));
    Buffer bytes{std::min({size, room, kPipeSize})};
    const Address at = reinterpret_cast<Address>(bytes.data());
    const std::int64_t count = from.read({at, bytes.size()}, offset);
    if (count <= 0) return count;
    if (offset != kPosition) offset += static_cast<std::uint64_t>(count);
    return to.write({at, static_cast<std::uint64_t>(count)}, kPosition);
}

// `offset`: in the one that is no pipe.
std::int64_t move_bytes(OpenFile& from, OpenFile& to, std::uint64_t& offset, std::uint64_t size,
                        unsigned flags) {
    return written(from.pipe() != nullptr ? out_of_pipe(from, to, offset, size, flags)
                                          : into_pipe(from, offset, to, size, flags));
}

std::int64_t sys_splice(Fd in, Address in_offset, Fd out, Address out_offset, std::uint64_t size,
                        unsigned flags) {
    if (size == 0) return 0;
    if (flags & ~kFlags) return -EINVAL;
    const Ref<OpenFile> from = TRY_FILE(in), to = TRY_FILE(out);
    if (!from->readable() || !to->writable()) return -EBADF;
    if ((from->pipe() != nullptr && in_offset != 0) || (to->pipe() != nullptr && out_offset != 0))
        return -ESPIPE;
    if ((from->pipe() == nullptr && to->pipe() == nullptr) || from->pipe() == to->pipe()) return -EINVAL;
    if (to->flags() & O_APPEND) return -EINVAL;
    size = std::min<std::uint64_t>(size, INT_MAX);
    std::uint64_t offset;
    const Address offset_address = from->pipe() != nullptr ? out_offset : in_offset;
    TRY_ERRNO(get_offset(offset_address, offset));
    const std::int64_t count = TRY_ERRNO(move_bytes(*from, *to, offset, size, flags));
    if (offset_address != 0) TRY_ERRNO(put(offset_address, offset));
    return count;
}

std::int64_t sys_tee(Fd in, Fd out, std::uint64_t size, unsigned flags) {
    if (flags & ~kFlags) return -EINVAL;
    if (size == 0) return 0;
    const Ref<OpenFile> from = TRY_FILE(in), to = TRY_FILE(out);
    if (!from->readable() || !to->writable()) return -EBADF;
    if (from->pipe() == nullptr || to->pipe() == nullptr || from->pipe() == to->pipe()) return -EINVAL;
    const std::int64_t there = wait_for_bytes(*from, waits(*from, flags));
    if (there <= 0) return there;
    const auto room = static_cast<std::uint64_t>(TRY_ERRNO(written(wait_for_room(*to, waits(*to, flags)))));
    Buffer bytes{std::min({size, from->pipe()->used(), room})};
    from->pipe()->peek(bytes.data(), bytes.size());
    return to->write({reinterpret_cast<Address>(bytes.data()), bytes.size()}, kPosition);
}

// Of the program's memory: a readv or writev.
std::int64_t sys_vmsplice(Fd fd, Address from, std::uint64_t count, unsigned flags) {
    if (flags & ~kFlags) return -EINVAL;
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (file->pipe() == nullptr) return -EBADF;
    std::vector<iovec> parts;
    TRY_ERRNO(get_vector(from, count, parts));
    const Buffers buffers{parts};
    if (buffers.size() == 0) return 0;
    if (!waits(*file, flags)) {
        TRY_ERRNO(written(file->writable() ? wait_for_room(*file, false) : wait_for_bytes(*file, false)));
    }
    return file->writable() ? written(file->write(buffers, kPosition)) : file->read(buffers, kPosition);
}

}  // namespace

std::int64_t splice(OpenFile& from, OpenFile& to, std::uint64_t size) {
    std::uint64_t here = kPosition;
    return move_bytes(from, to, here, size, 0);
}

ENCLAVISOR_CALL(splice)
ENCLAVISOR_CALL(tee)
ENCLAVISOR_CALL(vmsplice)

}  // namespace enclavisor::runtime
