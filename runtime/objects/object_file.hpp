// An open file that is an object of the enclave: a pipe's end, a socket of a pair,
// a counter. What derives from this never waits, it says -EAGAIN; the waiting is
// done here. Nothing of it is ever copied to where the host sees it.
#pragma once

#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

// Sleeps until the file's queue is told of something in `events`, or time changes the
// file. 0; -EAGAIN after `deadline`; what a call that a signal interrupted returns. The
// lock is held, and released meanwhile. Deadlines are nanoseconds of the monotonic
// clock; 0: never.
std::int64_t wait_for(OpenFile& file, short events, std::uint64_t deadline = 0);

// The deadline after so many nanoseconds; 0 for 0.
std::uint64_t deadline_after(std::uint64_t nanoseconds);

// A new number for st_ino; st_dev and the rest of what stat says of an object.
std::uint64_t next_object_number();
void describe_object(struct stat& info, mode_t mode, std::uint64_t number);

class ObjectFile : public OpenFile {
public:
    explicit ObjectFile(int flags) : OpenFile{flags} {}

    std::int64_t read(const Buffers& to, std::uint64_t offset) override;
    std::int64_t write(const Buffers& from, std::uint64_t offset) override;
    std::int64_t control(std::uint64_t request, Address argument) override;
    std::int64_t stat_file_system(struct statfs&) override;
    std::int64_t change_mode(mode_t) override { return 0; }
    std::int64_t change_owner(uid_t, gid_t) override { return 0; }
    bool can_epoll() const override { return true; }

protected:
    // Takes what is there, up to `to.size()` bytes: how many (0: the end), or -errno.
    virtual std::int64_t take(const Buffers& /*to*/) { return -EINVAL; }
    // Puts what fits of the bytes from `done` on: how many, or -errno.
    virtual std::int64_t put(const Buffers& /*from*/, std::uint64_t /*done*/) { return -EINVAL; }
    // Whether the rest of a write is put when there is room again.
    virtual bool streams() const { return false; }
    // FIONREAD, or -ENOTTY.
    virtual std::int64_t bytes_readable() { return -ENOTTY; }

    // `attempt` again and again while it says -EAGAIN and `waits`.
    template <typename Attempt>
    std::int64_t repeat(bool waits, short events, std::uint64_t deadline, Attempt attempt) {
        for (;;) {
            const std::int64_t result = attempt();
            if (result != -EAGAIN || !waits) return result;
            if (const std::int64_t error = wait_for(*this, events, deadline); error != 0) return error;
        }
    }
    // `attempt(done)` for the first of `size` bytes and, in a stream, for the rest: how many
    // were put, or -errno if none.
    template <typename Attempt>
    std::int64_t put_all(std::uint64_t size, bool waits, std::uint64_t deadline, Attempt attempt) {
        std::uint64_t done = 0;
        do {
            const std::int64_t count = repeat(waits, POLLOUT, deadline, [&] { return attempt(done); });
            if (count < 0) return done > 0 ? static_cast<std::int64_t>(done) : count;
            done += static_cast<std::uint64_t>(count);
        } while (streams() && done < size);
        return static_cast<std::int64_t>(done);
    }
    bool waits() const { return !(flags() & O_NONBLOCK); }
};

// Without a name of their own on Linux: eventfd and its like.
class AnonymousFile : public ObjectFile {
public:
    AnonymousFile(int flags, const char* kind) : ObjectFile{flags}, kind_{kind} {}
    std::int64_t stat(struct stat& info) override;
    std::int64_t seek(std::int64_t, int) override { return 0; }
    std::string name() const override { return std::string{"anon_inode:["} + kind_ + "]"; }
    WaitQueue* queue() override { return &queue_; }

protected:
    WaitQueue queue_;

private:
    const char* kind_;
};

}  // namespace enclavisor::runtime
