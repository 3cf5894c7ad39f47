// What an enclave is built from: the sequence of operations that the launcher
// sends and that is measured. Both derive from this one description.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

struct CreateOperation {
    std::uint64_t memory_limit = 0;                    // pages
    std::uint64_t runtime_begin = 0, runtime_end = 0;  // equal: no runtime, `syscall`s are kernel calls
    std::uint64_t syscall_entry = 0, exception_entry = 0;
    std::uint64_t attributes = 0;
};

struct PagesOperation {
    std::uint64_t address;
    std::uint64_t permissions;
    std::vector<std::byte> contents;  // whole pages
};

struct ZeroPagesOperation {
    std::uint64_t address, pages, permissions;
};

struct ThreadOperation {
    std::uint64_t entry, block_address, io_address, io_pages;
};

using ImageOperation = std::variant<PagesOperation, ZeroPagesOperation, ThreadOperation>;

struct EnclaveImage {
    CreateOperation create;
    std::vector<ImageOperation> operations;
    // What the host keeps for the enclave, not measured: the hashes of its trusted files' chunks,
    // and the files' times.
    std::vector<std::byte> hashes;

    std::uint64_t pages() const;  // that are added, thread blocks included
    std::size_t threads() const;

    // Adds `contents` at `address` (any alignment), filled up with zeros to whole
    // pages, and zero pages up to address + memory_size. Refuses what lies outside
    // the enclave's addresses or is larger than its memory limit.
    Result<void> add_segment(std::uint64_t address, std::span<const std::byte> contents,
                             std::uint64_t memory_size, std::uint64_t permissions);
};

}  // namespace enclavisor::host
