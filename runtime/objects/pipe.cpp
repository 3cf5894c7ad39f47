#include "runtime/objects/pipe.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/support/text.hpp"

namespace enclavisor::runtime {

template <typename Step>
bool Pipe::walk(std::uint64_t from, std::uint64_t count, Step step) {
    for (std::uint64_t done = 0; done < count;) {
        const std::uint64_t at = (from + done) % size_;
        const std::uint64_t part = std::min(count - done, size_ - at);
        if (!step(ring_->data() + at, done, part)) return false;
        done += part;
    }
    return true;
}

std::int64_t Pipe::take(const Buffers& to) {
    if (to.size() == 0) return 0;
    if (used() == 0 || held) return writers == 0 && !held ? 0 : -EAGAIN;
    const std::uint64_t count = std::min(used(), to.size());
    const bool copied = walk(begin_, count, [&](std::byte* at, std::uint64_t done, std::uint64_t part) {
        return to.write(done, at, part);
    });
    if (!copied) return -EFAULT;
    drop(count);
    return static_cast<std::int64_t>(count);
}

void Pipe::peek(std::byte* to, std::uint64_t size) {
    walk(begin_, size, [&](const std::byte* at, std::uint64_t done, std::uint64_t part) {
        std::memcpy(to + done, at, part);
        return true;
    });
}

void Pipe::drop(std::uint64_t size) {
    const std::uint64_t before = room();
    begin_ += size;
    if (begin_ == end_) begin_ = end_ = 0;
    // A small write may have waited for more than the little room that there was.
    if (before < kPipePage && room() > before) writing.notify(kWritable);
}

std::int64_t Pipe::put(const Buffers& from, std::uint64_t done) {
    const std::uint64_t wanted = from.size() - done;
    if (wanted == 0) return 0;
    if (readers == 0) return -EPIPE;
    // A small write is whole or not at all.
    if (room() == 0 || (from.size() <= kPipePage && room() < wanted)) return -EAGAIN;
    if (ring_ == nullptr) ring_ = std::make_unique<Buffer>(size_);
    const std::uint64_t count = std::min(wanted, room());
    const bool copied = walk(end_, count, [&](std::byte* at, std::uint64_t walked, std::uint64_t part) {
        return from.read(done + walked, at, part);
    });
    if (!copied) return -EFAULT;
    end_ += count;
    reading.notify(kReadable);
    return static_cast<std::int64_t>(count);
}

std::int64_t Pipe::resize(std::uint64_t size) {
    if (size > kMaxPipeSize) return -EPERM;
    size = std::bit_ceil(std::max(size, kPipePage));
    if (size < used()) return -EBUSY;
    if (size != size_ && ring_ != nullptr) {
        auto ring = std::make_unique<Buffer>(size);
        peek(ring->data(), used());
        ring_ = std::move(ring);
        end_ = used();
        begin_ = 0;
    }
    size_ = size;
    if (room() > 0) writing.notify(kWritable);
    return static_cast<std::int64_t>(size);
}

PipeEnd::PipeEnd(Ref<Pipe> pipe, int flags, std::uint64_t number)
    : ObjectFile{flags}, pipe_{std::move(pipe)}, number_{number} {
    (readable() ? pipe_->readers : pipe_->writers)++;
}

PipeEnd::~PipeEnd() {
    (readable() ? pipe_->readers : pipe_->writers)--;
    // Whoever waits finds nothing more to come, or nobody who would read it.
    pipe_->reading.notify(kReadable | kAlwaysTold);
    pipe_->writing.notify(kWritable | kAlwaysTold);
}

std::int64_t PipeEnd::stat(struct stat& info) {
    describe_object(info, S_IFIFO | 0600, number_);
    return 0;
}

std::int64_t PipeEnd::pipe_size(std::uint64_t size) {
    return size == 0 ? static_cast<std::int64_t>(pipe_->size()) : pipe_->resize(size);
}

std::string PipeEnd::name() const {
    return join("pipe:[", number_, "]");
}

short PipeEnd::readiness() {
    short events = 0;
    if (readable()) {
        if (pipe_->used() > 0) events |= kReadable;
        if (pipe_->writers == 0) events |= POLLHUP;
    } else {
        if (pipe_->room() > 0) events |= kWritable;
        if (pipe_->readers == 0) events |= POLLERR;
    }
    return events;
}

std::pair<Ref<OpenFile>, Ref<OpenFile>> make_pipe(int flags) {
    const auto pipe = make_ref<Pipe>();
    const std::uint64_t number = next_object_number();
    const auto reader = make_ref<PipeEnd>(pipe, O_RDONLY | flags, number);
    const auto writer = make_ref<PipeEnd>(pipe, O_WRONLY | flags, number);
    return {reader, writer};
}

}  // namespace enclavisor::runtime
