// Pipes: a ring of bytes in the enclave's private memory, and its two ends.
#pragma once

#include <memory>
#include <utility>

#include "runtime/objects/object_file.hpp"
#include "runtime/support/buffer.hpp"

namespace enclavisor::runtime {

inline constexpr std::uint64_t kPipePage = 4096;  // PIPE_BUF; room counts in whole ones
inline constexpr std::uint64_t kPipeSize = 64 << 10;
inline constexpr std::uint64_t kMaxPipeSize = 1 << 20;  // /proc/sys/fs/pipe-max-size

class Pipe final : public Counted {
public:
    std::int64_t take(const Buffers& to);
    std::int64_t put(const Buffers& from, std::uint64_t done);
    // Copies, and takes away, the first `size` bytes. Precondition: so many are there.
    void peek(std::byte* to, std::uint64_t size);
    void drop(std::uint64_t size);
    // Rounded up to a power of two: the new size, -EBUSY or -EPERM.
    std::int64_t resize(std::uint64_t size);

    std::uint64_t used() const { return end_ - begin_; }
    std::uint64_t size() const { return size_; }
    // A page that was read in part is not free yet, as on Linux.
    std::uint64_t room() const { return size_ - (end_ - begin_ / kPipePage * kPipePage); }

    WaitQueue reading, writing;  // who waits at the one end, at the other
    std::uint32_t readers = 0, writers = 0;
    // What is there is on its way elsewhere: nobody may take it.
    bool held = false;

private:
    template <typename Step>
    bool walk(std::uint64_t from, std::uint64_t count, Step step);

    std::unique_ptr<Buffer> ring_;  // made with the first byte
    std::uint64_t size_ = kPipeSize;
    std::uint64_t begin_ = 0, end_ = 0;  // count bytes, never turn back while any are there
};

class PipeEnd final : public ObjectFile {
public:
    // For reading if `flags` say O_RDONLY, else for writing.
    PipeEnd(Ref<Pipe> pipe, int flags, std::uint64_t number);
    ~PipeEnd() override;

    std::int64_t stat(struct stat& info) override;
    std::int64_t pipe_size(std::uint64_t size) override;
    Pipe* pipe() override { return pipe_.get(); }
    std::string name() const override;
    short readiness() override;
    WaitQueue* queue() override { return readable() ? &pipe_->reading : &pipe_->writing; }

protected:
    std::int64_t take(const Buffers& to) override { return pipe_->take(to); }
    std::int64_t put(const Buffers& from, std::uint64_t done) override { return pipe_->put(from, done); }
    bool streams() const override { return true; }
    std::int64_t bytes_readable() override { return static_cast<std::int64_t>(pipe_->used()); }

private:
    Ref<Pipe> pipe_;
    std::uint64_t number_;
};

// The ends to read from and to write to. `flags`: O_NONBLOCK or 0.
std::pair<Ref<OpenFile>, Ref<OpenFile>> make_pipe(int flags);

}  // namespace enclavisor::runtime
