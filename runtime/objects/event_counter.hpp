// eventfd.
#pragma once

#include "runtime/objects/object_file.hpp"

namespace enclavisor::runtime {

class EventCounter final : public AnonymousFile {
public:
    EventCounter(int flags, std::uint64_t count, bool semaphore)
        : AnonymousFile{flags, "eventfd"}, count_{count}, semaphore_{semaphore} {}

    short readiness() override {
        const short in = count_ > 0 ? POLLIN : short{0};
        return in | (count_ < kMost ? short{POLLOUT} : short{0});
    }

protected:
    std::int64_t take(const Buffers& to) override {
        if (to.size() < sizeof(count_)) return -EINVAL;
        if (count_ == 0) return -EAGAIN;
        const std::uint64_t taken = semaphore_ ? 1 : count_;
        if (!to.write(0, &taken, sizeof(taken))) return -EFAULT;
        count_ -= taken;
        queue_.notify(POLLOUT);
        return sizeof(taken);
    }
    std::int64_t put(const Buffers& from, std::uint64_t) override {
        std::uint64_t added;
        if (from.size() < sizeof(added)) return -EINVAL;
        if (!from.read(0, &added, sizeof(added))) return -EFAULT;
        if (added > kMost) return -EINVAL;
        if (added > kMost - count_) return -EAGAIN;
        count_ += added;
        queue_.notify(POLLIN);
        return sizeof(added);
    }

private:
    static constexpr std::uint64_t kMost = ~0ull - 1;
    std::uint64_t count_;
    bool semaphore_;
};

}  // namespace enclavisor::runtime
