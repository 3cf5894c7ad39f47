// The table of descriptors: lowest free numbers, as Linux gives them.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

class Descriptors : public Counted {
public:
    Descriptors() = default;
    // A child's: other descriptors of the same open files.
    Descriptors(const Descriptors& other) : Counted{}, slots_{other.slots_}, limit_{other.limit_} {}

    // The open file behind a descriptor; null: EBADF. Valid until the table changes.
    OpenFile* find(std::uint64_t fd) const { return fd < slots_.size() ? slots_[fd].file.get() : nullptr; }
    Ref<OpenFile> hold(std::uint64_t fd) const {
        return fd < slots_.size() ? slots_[fd].file : Ref<OpenFile>{};
    }

    // The lowest free descriptor at or above `lowest`, or -EMFILE.
    std::int64_t add(Ref<OpenFile> file, bool close_on_exec, std::uint64_t lowest = 0);
    // Puts the file at `fd`, closing what is there. -EBADF beyond the limit.
    std::int64_t put(std::uint64_t fd, Ref<OpenFile> file, bool close_on_exec);
    std::int64_t close(std::uint64_t fd);
    // What execve closes.
    void close_on_exec_all();

    bool close_on_exec(std::uint64_t fd) const { return slots_[fd].close_on_exec; }
    void set_close_on_exec(std::uint64_t fd, bool value) { slots_[fd].close_on_exec = value; }

    std::uint64_t size() const { return slots_.size(); }
    std::uint64_t limit() const { return limit_; }
    void set_limit(std::uint64_t limit) { limit_ = limit; }

private:
    struct Slot {
        Ref<OpenFile> file;
        bool close_on_exec = false;
    };
    std::vector<Slot> slots_;
    std::uint64_t limit_ = 1024;
};

}  // namespace enclavisor::runtime
