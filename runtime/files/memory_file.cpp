#include "runtime/files/memory_file.hpp"

#include <sys/ioctl.h>

#include <cstring>

namespace enclavisor::runtime {

std::int64_t PositionedFile::read(const Buffers& to, std::uint64_t offset) {
    if (!readable()) return -EBADF;
    const std::int64_t count = read_at(to, offset == kPosition ? position_ : offset);
    if (count > 0 && offset == kPosition) position_ += static_cast<std::uint64_t>(count);
    return count;
}

std::int64_t PositionedFile::write(const Buffers& from, std::uint64_t offset) {
    if (!writable()) return -EBADF;
    const bool own = offset == kPosition;
    if (flags() & O_APPEND)
        offset = size();
    else if (own)
        offset = position_;
    const std::int64_t count = write_at(from, offset);
    if (count > 0 && own) position_ = offset + static_cast<std::uint64_t>(count);
    return count;
}

std::int64_t PositionedFile::seek(std::int64_t offset, int whence) {
    std::int64_t base = 0;
    switch (whence) {
        case SEEK_SET:
            break;
        case SEEK_CUR:
            base = static_cast<std::int64_t>(position_);
            break;
        case SEEK_END:
            base = static_cast<std::int64_t>(size());
            break;
        case SEEK_DATA:
        case SEEK_HOLE:
            // All of it counts as data.
            if (offset < 0 || static_cast<std::uint64_t>(offset) >= size()) return -ENXIO;
            if (whence == SEEK_HOLE) offset = static_cast<std::int64_t>(size());
            break;
        default:
            return -EINVAL;
    }
    std::int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0) return -EINVAL;
    position_ = static_cast<std::uint64_t>(target);
    return target;
}

std::int64_t PositionedFile::control(std::uint64_t request, Address argument) {
    if (request != FIONREAD) return -ENOTTY;
    const std::uint64_t end = size();
    return put(argument, static_cast<int>(end > position_ ? end - position_ : 0));
}

std::int64_t TextFile::read_at(const Buffers& to, std::uint64_t offset) {
    if (offset >= text_.size()) return 0;
    const std::uint64_t count = std::min<std::uint64_t>(to.size(), text_.size() - offset);
    if (!to.write(0, text_.data() + offset, count)) return -EFAULT;
    return static_cast<std::int64_t>(count);
}

std::int64_t DirectoryFile::entries(Address to, std::uint64_t size) {
    if (position_ == 0) entries_ = collect();
    std::string records;
    std::uint64_t next = position_;
    for (; next < entries_.size(); next++) {
        const Entry& entry = entries_[next];
        const std::uint64_t length = (19 + entry.name.size() + 1 + 7) & ~7ull;
        if (records.size() + length > size) break;
        const std::uint64_t offset = next + 1;
        const auto length16 = static_cast<std::uint16_t>(length);
        const std::size_t at = records.size();
        records.resize(at + length);  // zeros
        std::memcpy(&records[at], &entry.inode, 8);
        std::memcpy(&records[at + 8], &offset, 8);
        std::memcpy(&records[at + 16], &length16, 2);
        records[at + 18] = static_cast<char>(entry.type);
        std::memcpy(&records[at + 19], entry.name.data(), entry.name.size());
    }
    if (records.empty()) return next < entries_.size() ? -EINVAL : 0;
    if (!copy_out(to, records.data(), records.size())) return -EFAULT;
    position_ = next;
    return static_cast<std::int64_t>(records.size());
}

std::int64_t DirectoryFile::seek(std::int64_t offset, int whence) {
    if (whence == SEEK_CUR)
        offset += static_cast<std::int64_t>(position_);
    else if (whence != SEEK_SET)
        return -EINVAL;
    if (offset < 0) return -EINVAL;
    position_ = static_cast<std::uint64_t>(offset);
    return offset;
}

}  // namespace enclavisor::runtime
