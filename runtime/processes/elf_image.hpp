// ELF files as execve maps them. The file is the program's or the host's to choose: everything is
// checked before it is used, and nothing outside the caller's address space can be reached through it.
#pragma once

#include <elf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/files/open_file.hpp"
#include "runtime/memory/memory.hpp"

namespace enclavisor::runtime {

class ElfImage {
public:
    // Reads the headers. 0, -ENOEXEC, or the error of reading. The lock is released meanwhile.
    std::int64_t read(OpenFile& file);

    // PT_INTERP; empty: none.
    const std::string& interpreter() const { return interpreter_; }
    bool position_independent() const { return header_.e_type == ET_DYN; }
    std::uint64_t span_begin() const { return begin_; }
    std::uint64_t span_size() const { return end_ - begin_; }

    // Maps the segments, moved by `base` (a page multiple; 0 unless it is position-independent).
    // 0 or -errno; some may be mapped then.
    std::int64_t map(Memory& memory, OpenFile& file, std::uint64_t base) const;

    std::uint64_t entry() const { return header_.e_entry; }
    std::uint64_t header_count() const { return headers_.size(); }
    // Where the program headers are in memory, before `base` is added; 0: nowhere.
    std::uint64_t headers_address() const;
    // The page behind the last segment.
    std::uint64_t end() const { return end_; }

private:
    Elf64_Ehdr header_{};
    std::vector<Elf64_Phdr> headers_;
    std::string interpreter_;
    std::uint64_t begin_ = 0, end_ = 0;
};

// Reads `size` bytes at `offset`, all of them. 0, -ENOEXEC if the file ends before, or -errno.
std::int64_t read_whole(OpenFile& file, std::uint64_t offset, void* to, std::uint64_t size);

}  // namespace enclavisor::runtime
